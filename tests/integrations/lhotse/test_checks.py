"""Lines of manifests that are cuts, and lines that are not."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment
from lhotse.audio import AudioSource
from lhotse.cut import MixedCut, MixTrack, PaddingCut
from support.facts import assert_facts

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.integrations.lhotse.checks import cut_in, problem_of

RECORDING = Recording(
    id="rec",
    sources=[AudioSource(type="file", channels=[0], source="a.wav")],
    sampling_rate=16000,
    num_samples=32000,
    duration=2.0,
)
CUT = MonoCut(
    "cut",
    start=0.0,
    duration=2.0,
    channel=0,
    recording=RECORDING,
    supervisions=[SupervisionSegment("one", "rec", 0.0, 1.0, custom={"emotion": "sad"})],
)


NO_RECORDING = {**RECORDING.to_dict(), "sources": 5}


def changed(path, value):
    """Return the line of the cut with one value replaced; None removes it."""
    record = copy.deepcopy(CUT.to_dict())
    *parents, name = path
    holder = record
    for key in parents:
        holder = holder[key]
    holder[name] = value
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    "cut",
    [
        CUT,
        CUT.pad(3.0),
        CUT.mix(CUT, offset_other_by=0.5),
        CUT.append(CUT),
        MonoCut("bare", 0.0, 1.0, 0),
        PaddingCut("pad", 1.0, 16000, -100.0, num_samples=16000),
        CUT.perturb_speed(1.1),
    ],
    ids=lambda cut: type(cut).__name__,
)
def test_a_cut_of_any_kind_has_no_problem(cut):
    assert problem_of(cut) is None
    assert cut_in(json.dumps(cut.to_dict()).encode(), "m: line 1").to_dict() == cut.to_dict()


def test_numbers_of_numpy_are_numbers():
    recording = Recording("rec", RECORDING.sources, np.int64(16000), np.int32(32000), 2.0)
    cut = MonoCut("cut", np.float32(0.5), np.float64(1.0), 0, recording=recording)

    assert problem_of(cut) is None


@pytest.mark.parametrize(
    ("path", "value", "facts"),
    [
        (("start",), "0", "start"),
        (("start",), None, "start"),
        (("start",), True, "start"),
        (("start",), 1e305, "start"),
        (("duration",), -1.0, "duration"),
        (("duration",), float("nan"), "duration"),
        (("channel",), "left", "channel"),
        (("custom",), [1, 2], "custom"),
        (("custom",), "emotion", "custom"),
        (("id",), ["cut"], "id"),
        (("id",), None, "id"),
        (("supervisions", 0, "id"), None, ("supervision 0", "id")),
        (("supervisions",), 5, "supervisions"),
        (("supervisions", 0), "one", "supervision 0"),
        (("supervisions", 0, "custom"), ["sad"], ("supervision 0", "custom")),
        (("supervisions", 0, "start"), "0", ("supervision 0", "start")),
        (("supervisions", 0, "duration"), float("inf"), ("supervision 0", "duration")),
        (("supervisions", 0, "speaker"), {"name": "A"}, ("supervision 0", "speaker")),
        (("recording",), None, "None"),
        (("recording", "sampling_rate"), 0, "sampling_rate"),
        (("recording", "sampling_rate"), 16000.5, "sampling_rate"),
        (("recording", "num_samples"), "many", "num_samples"),
        (("recording", "sources"), "a.wav", ("recording", "sources")),
        (("recording", "sources", 0, "channels"), "0", "channels"),
        (("recording", "sources", 0, "source"), 7, "source"),
        (("recording", "sources", 0, "type"), None, "type"),
        (("recording", "sources"), [], ("recording", "sources")),
        (("recording", "sources", 0), "a.wav", ("recording", "source 0", "'a.wav'")),
        (("recording", "sources", 0, "more"), 1, ("recording", "source 0", "'more'")),
        (("recording", "sources", 0, "video"), 1, ("source 0, video", "1")),
        (("recording", "channel_ids"), [7], ("recording, channel_ids", "[7]", "sources")),
        (("recording", "transforms"), None, ("recording, transforms", "None")),
        (("recording", "rate"), 16000, ("no field 'rate'", "recording")),
        (("features",), {"type": "fbank"}, ("features", "'duration'")),
        (("supervisions", 0, "alignment"), None, ("supervision 0, alignment", "None")),
        (("supervisions", 0, "alignment"), {"word": [["hi"]]}, ("supervision 0, alignment", "hi")),
        (("supervisions", 0, "custom"), {"box": {"width": 3}}, ("custom, box", "'height'")),
        (("supervisions", 0, "custom"), {"rir": NO_RECORDING}, ("custom, rir, sources", "5")),
        (("type",), "Recording", "Recording"),
        (("surprise",), 1, "surprise"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_its_line(path, value, facts):
    with pytest.raises(FormatError) as caught:
        cut_in(changed(path, value), "m.jsonl: line 7")

    assert_facts(
        str(caught.value), "m.jsonl: line 7", *([facts] if isinstance(facts, str) else facts)
    )


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        (b"{", "JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[]", "list"),
        (b"null", "NoneType"),
        (b'{"id": "cut"}', "type"),
        (b'{"id": "r", "sources": []}', "recording"),
        (b'{"id": "s", "recording_id": "r"}', "supervision"),
        (b'{"type": "MonoCut"}', "'channel'"),
        (b'{"type": "MixedCut", "id": "m", "tracks": []}', "tracks"),
        (b'{"type": ["MonoCut"], "id": "m"}', "MonoCut"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b'{"type": "MonoCut", "custom": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "levels"),
        (rb'{"type": "MonoCut", "id": "\ud800"}', "surrogate"),
    ],
    ids=range(13),
)
def test_a_line_that_is_no_cut_is_named(line, fact):
    with pytest.raises(FormatError) as caught:
        cut_in(line, "m.jsonl: line 7")

    assert_facts(str(caught.value), "m.jsonl: line 7", fact)
    assert len(str(caught.value)) < 500


def test_odd_fields_of_a_track_are_named():
    record = CUT.append(CUT).to_dict()
    record["tracks"][1]["cut"]["supervisions"][0]["custom"] = "sad"

    with pytest.raises(FormatError) as caught:
        cut_in(json.dumps(record).encode(), "m.jsonl: line 7")

    assert_facts(str(caught.value), "line 7", "track 1", "supervision 0", "custom")


@pytest.mark.parametrize(
    ("name", "value", "facts"),
    [
        ("offset", -1.0, ("track 1, offset", "-1.0")),
        ("snr", -1e9, ("track 1, snr", "-200")),
        ("snr", float("nan"), ("track 1, snr", "nan")),
        ("cut", None, ("track 1, cut", "None")),
        ("surprise", 1, ("track 1", "'surprise'")),
    ],
)
def test_odd_values_of_a_track_are_named(name, value, facts):
    record = CUT.append(CUT).to_dict()
    record["tracks"][1][name] = value

    with pytest.raises(FormatError) as caught:
        cut_in(json.dumps(record).encode(), "m.jsonl: line 7")

    assert_facts(str(caught.value), "line 7", *facts)


@pytest.mark.parametrize("name", ["cut", "type"])
def test_a_track_without_its_cut_is_named(name):
    record = CUT.append(CUT).to_dict()
    del record["tracks"][1][name]

    with pytest.raises(FormatError) as caught:
        cut_in(json.dumps(record).encode(), "m.jsonl: line 7")

    assert_facts(str(caught.value), "line 7", "track 1", repr(name))


@pytest.mark.parametrize(
    ("field", "value"), [("recording", "a.wav"), ("features", 5), ("supervisions", ["one"])]
)
def test_parts_of_objects_that_are_not_lhotse_are_named(field, value):
    cut = copy.copy(CUT)
    setattr(cut, field, value)

    assert_facts(problem_of(cut), field.removesuffix("s")[:7])


def test_a_mixed_cut_within_a_mixed_cut_is_a_problem():
    nested = MixedCut("outer", [MixTrack(CUT.append(CUT)), MixTrack(CUT)])

    assert_facts(problem_of(nested), "track 0", "MixedCut")


def test_odd_padding_is_named():
    padded = MixedCut("mix", [MixTrack(CUT), MixTrack(PaddingCut("pad", 1.0, 16000, -100.0))])
    padded.tracks[1].cut.num_samples = "many"

    assert_facts(problem_of(padded), "track 1, num_samples", "'many'")


def test_a_track_with_a_problem_is_named():
    broken = MixedCut("outer", [MixTrack(CUT), MixTrack(CUT, offset="1")])

    assert_facts(problem_of(broken), "track 1", "offset")


def test_a_line_that_lhotse_writes_is_a_cut(tmp_path):
    path = tmp_path / "m.jsonl"
    CutSet.from_cuts([CUT]).to_file(path)

    assert cut_in(path.read_bytes(), "m").to_dict() == CUT.to_dict()
