"""Reading back the turns of an annotated manifest."""

from __future__ import annotations

import json

import pytest
from lhotse import CutSet, SupervisionSegment
from lhotse.testing.dummies import dummy_cut

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.integrations.lhotse import places, turns_of


def labelled(number, label, **more):
    custom = {"emotion": label, "emotion_reason": None if label else "too short: 3 samples"}
    return SupervisionSegment(
        id=f"s{number}", recording_id="r", start=0, duration=0.5, custom=custom, **more
    )


@pytest.fixture
def cuts():
    two = dummy_cut(0, supervisions=[labelled(0, "sad", speaker="ann"), labelled(1, None)])
    none = dummy_cut(1).with_custom("emotion", "happy")
    mixed = two.append(dummy_cut(2, supervisions=[labelled(2, "angry")]))
    padded = none.pad(duration=5.0)
    first = none.pad(duration=7.0, direction="left")
    muted = two.append(dummy_cut(3, supervisions=[labelled(3, "calm")]))
    muted.tracks[0].mute = True
    odd = [
        cut.with_id(name) for name, cut in zip("mpfx", (mixed, padded, first, muted), strict=True)
    ]
    return CutSet.from_cuts([two, none, *odd])


def facts(turn, custom):
    return (custom.get("emotion"), custom.get("emotion_reason"), turn.duration)


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz"])
def test_every_turn_is_read_as_lhotse_has_it(cuts, tmp_path, name):
    cuts.to_file(tmp_path / name)

    found = list(turns_of(tmp_path / name))

    expected = [facts(own, own.custom or {}) for cut in cuts for own in places(cut).values()]
    assert [(turn.label, turn.reason, turn.duration) for turn in found] == expected
    assert [turn.label for turn in found] == [
        *("sad", None, "happy", "sad", None, "angry", "happy", "happy", "calm")
    ]
    assert found[0].speaker == "ann"


@pytest.mark.parametrize(
    ("value", "label"), [(3, "3"), (["sad", "calm"], "['sad', 'calm']"), (" ", None), ("x", "x")]
)
def test_a_label_of_any_type_is_read_as_text(tmp_path, value, label):
    cut = dummy_cut(0, supervisions=[labelled(0, value)])
    CutSet.from_cuts([cut]).to_file(tmp_path / "cuts.jsonl")

    assert [turn.label for turn in turns_of(tmp_path / "cuts.jsonl")] == [label]


def test_cuts_of_a_shar_directory_are_read_without_its_audio(cuts, tmp_path):
    (tmp_path / "shar").mkdir()
    CutSet.from_cuts(list(cuts)[:2]).to_file(tmp_path / "shar" / "cuts.000000.jsonl.gz")
    CutSet.from_cuts(list(cuts)[2:]).to_file(tmp_path / "shar" / "cuts.000001.jsonl.gz")
    (tmp_path / "shar" / "recording.000000.tar").write_bytes(b"not read")

    assert len(list(turns_of(tmp_path / "shar"))) == 9


@pytest.mark.parametrize("speaker", [5, ["a"], {"name": "a"}])
def test_a_speaker_of_any_type_is_read_as_text(tmp_path, speaker):
    record = {"id": "c", "duration": 1.0, "supervisions": [{"duration": 1.0, "speaker": speaker}]}
    (tmp_path / "cuts.jsonl").write_text(json.dumps(record) + "\n")

    assert [turn.speaker for turn in turns_of(tmp_path / "cuts.jsonl")] == [str(speaker)]


@pytest.mark.parametrize("duration", [None, "long", float("nan"), float("inf")])
def test_an_unusable_duration_counts_as_zero(tmp_path, duration):
    record = {"id": "c", "duration": 1.0, "supervisions": [{"duration": duration}]}
    (tmp_path / "cuts.jsonl").write_text(json.dumps(record) + "\n")

    assert [turn.duration for turn in turns_of(tmp_path / "cuts.jsonl")] == [0.0]


@pytest.mark.parametrize("line", ["garbage{", "[]", "3", '{"supervisions": [3]}'])
def test_a_damaged_line_is_named(tmp_path, line):
    (tmp_path / "cuts.jsonl").write_text(f'{{"duration": 1.0}}\n{line}\n')

    with pytest.raises(FormatError, match=r"cuts\.jsonl: line 2"):
        list(turns_of(tmp_path / "cuts.jsonl"))
