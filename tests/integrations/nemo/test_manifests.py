"""Annotation of NeMo manifests."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.facts import assert_facts

from emo2vec_plugins import Engine, Options, Plugins, Turn, annotate, hookimpl
from emo2vec_plugins.errors import Emo2vecWarning, FormatError, OptionsError
from emo2vec_plugins.integrations.nemo.lines import members, read_manifest
from emo2vec_plugins.integrations.nemo.manifests import annotate_nemo
from emo2vec_plugins.testing import FakeBackend, check_session

RTTM = (
    "SPEAKER talk 1 0.500 1.500 <NA> <NA> ann <NA> <NA>\n"
    "SPEAKER talk 1 1.500 1.500 <NA> <NA> bob <NA> <NA>\n"
    "SPEAKER talk 1 5.000 0.500 <NA> <NA> ann <NA> <NA>\n"
)


@pytest.fixture
def talk(write, noise):
    """Six seconds with two different channels."""
    return write("talk.wav", noise(6 * 16_000, channels=2), 16_000)


@pytest.fixture
def manifest(tmp_path, talk):
    """Return a function that writes a manifest beside talk.wav, from records or lines of text."""

    def make(*lines, name="manifest.json"):
        path = tmp_path / name
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text("".join(f"{text}\n" for text in texts), "utf-8")
        return path

    return make


def line(**more):
    return {"audio_filepath": "talk.wav", "offset": 1.0, "duration": 2.0, "text": "yes"} | more


def annotated(path, engine, **more):
    """Annotate a manifest and return the records of the result."""
    annotate_nemo(path, beside(path), score=engine, **more)
    return records(beside(path))


def elsewhere(location):
    return line(audio_filepath=location)


def beside(path):
    return path.with_name("out.json")


def records(path):
    return [json.loads(text) for text in path.read_text("utf-8").splitlines()]


def test_every_line_gets_the_emotion_of_its_part_of_the_audio(manifest, engine, talk):
    path = manifest(line(), line(offset=0.25, duration=1.5))

    first, second = annotated(path, engine)

    one, two = engine.score(talk, [Turn(start=1.0, end=3.0), Turn(start=0.25, end=1.75)])
    assert (first["emotion"], first["emotion_score"]) == (one.label, one.score)
    assert (second["emotion"], second["emotion_score"]) == (two.label, two.score)
    assert list(first)[:6] == [*line(), "emotion", "emotion_score"]


def test_existing_values_keep_their_characters(manifest, engine):
    given = (
        '{"audio_filepath": "talk.wav", "offset": 1.00, "duration": 1e0, "text": "n\\u00e9e \\"ü\\"", '
        '"label": "infer", "speaker": 7, "mine": {"b": [1, 2.50], "a": null}, '
        '"id": 123456789012345678901234567890'
    )
    path = manifest(given + "}", given.replace(", ", " ,\t").replace(": ", "  :") + " }")

    annotate_nemo(path, beside(path), score=engine)

    first, second = beside(path).read_text("utf-8").splitlines()
    assert first.startswith(given + ', "emotion": ')
    assert json.loads(second) == json.loads(first)


@pytest.mark.parametrize("offset", ["absent", None, 0])
@pytest.mark.parametrize("duration", ["absent", None, 6.0])
def test_without_offset_and_duration_the_whole_file_is_scored(
    manifest, engine, talk, offset, duration
):
    record = line(offset=offset, duration=duration)
    record = {key: value for key, value in record.items() if value != "absent"}

    [found] = annotated(manifest(record), engine)

    assert found["emotion_score"] == engine.score(talk)[0].score


@pytest.mark.parametrize(
    ("selector", "channel"), [(None, None), ("average", None), (1, 1), ([1], 1), ([0, 1], None)]
)
def test_selected_channels_are_scored(manifest, engine, talk, selector, channel):
    [found] = annotated(manifest(line(channel_selector=selector)), engine)

    expected = engine.score(talk, [Turn(start=1.0, end=3.0, channel=channel)])
    assert found["emotion_score"] == expected[0].score


def test_paths_are_relative_to_the_manifest_or_else_to_the_working_directory(
    manifest, engine, talk, write, noise, tmp_path, monkeypatch
):
    (tmp_path / "here").mkdir()
    write("here/talk.wav", noise(16_000, seed=1), 16_000)
    write("here/other.wav", noise(16_000, seed=2), 16_000)
    monkeypatch.chdir(tmp_path / "here")
    whole = {"duration": None, "offset": None}
    names = ["talk.wav", "other.wav", str(talk)]

    found = annotated(manifest(*(line(audio_filepath=name, **whole) for name in names)), engine)

    expected = [engine.score(path)[0].score for path in (talk, "other.wav", talk)]
    assert [each["emotion_score"] for each in found] == expected


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (line(audio_filepath="none.wav"), "none.wav"),
        ({"text": "yes", "duration": 1.0}, "'audio_filepath' .*None"),
        (line(audio_filepath=["a.wav", "b.wav"]), r"'audio_filepath' .*\['a.wav', 'b.wav'\]"),
        (line(audio_filepath=""), "'audio_filepath' .*''"),
        (line(offset="1"), "'offset' .*'1'"),
        (line(duration=True), "'duration' .*True"),
        (line(duration=-1.0), r"1\.0 to 0\.0"),
        (line(duration=float("nan")), r"1\.0 to nan"),
        (line(duration=0), "too short"),
        (line(offset=60.0), "beyond the audio"),
        (line(channel_selector=[]), r"'channel_selector' .*\[\]"),
        (line(channel_selector="left"), "'channel_selector' .*'left'"),
        (line(channel_selector=True), "'channel_selector' .*True"),
        (line(channel_selector=2), r"\b2\b.*\[0, 1\]"),
    ],
)
def test_a_line_that_cannot_be_scored_gets_a_reason(manifest, engine, record, reason):
    path = manifest(line(), record, line())

    summary = annotate_nemo(path, beside(path), score=engine)

    first, second, third = records(beside(path))
    assert second["emotion"] is None
    assert re.search(reason, second["emotion_reason"])
    assert second["text"] == "yes"
    assert first["emotion"] == third["emotion"]
    assert first["emotion"] is not None
    assert (summary.lines, summary.turns, summary.failed) == (3, 3, 1)
    assert summary.failures[0].startswith("line 2: ")


def test_a_line_with_an_rttm_gets_its_turns(manifest, engine, talk):
    talk.with_name("turns.rttm").write_text(RTTM)
    path = manifest(
        {"audio_filepath": "talk.wav", "offset": 0, "duration": None, "label": "infer"}
        | {"rttm_filepath": "turns.rttm"}
    )

    summary = annotate_nemo(path, beside(path), score=engine)

    [found] = records(beside(path))
    expected = engine.score(
        talk,
        [Turn(start=0.5, end=2.0), Turn(start=1.5, end=3.0), Turn(start=5.0, end=5.5)],
    )
    assert list(found) == [
        *("audio_filepath", "offset", "duration", "label", "rttm_filepath", "emotion_turns")
    ]
    assert [
        (turn["start"], turn["end"], turn["speaker"], turn["emotion"])
        for turn in found["emotion_turns"]
    ] == [
        (0.5, 2.0, "ann", expected[0].label),
        (1.5, 3.0, "bob", expected[1].label),
        (5.0, 5.5, "ann", expected[2].label),
    ]
    assert found["emotion_turns"][0]["emotion_overlap_ratio"] == pytest.approx(1 / 3)
    assert found["emotion_turns"][0]["emotion_flags"] == ["overlapped"]
    assert (summary.lines, summary.turns, summary.failed) == (1, 3, 0)


def test_turns_are_truncated_to_the_part_of_the_line(manifest, engine, talk):
    empty = "SPEAKER talk 1 2.000 0.000 <NA> <NA> ann <NA> <NA>\n"
    talk.with_name("turns.rttm").write_text(RTTM + empty)
    path = manifest(line(rttm_filepath="turns.rttm"))

    [found] = annotated(path, engine)

    assert [(turn["start"], turn["end"]) for turn in found["emotion_turns"]] == [
        (1.0, 2.0),
        (1.5, 3.0),
        (2.0, 2.0),
    ]


def test_the_recording_of_the_line_is_chosen_from_an_rttm_with_several(manifest, engine, talk):
    other = "SPEAKER session 1 1.000 1.000 <NA> <NA> cid <NA> <NA>\n"
    talk.with_name("turns.rttm").write_text(RTTM + other)
    own = line(rttm_filepath="turns.rttm")
    path = manifest(own, own | {"uniq_id": "session"}, own | {"uniq_id": "x"})

    first, second, third = annotated(path, engine)

    assert [turn["speaker"] for turn in first["emotion_turns"]] == ["ann", "bob"]
    assert [turn["speaker"] for turn in second["emotion_turns"]] == ["cid"]
    assert third["emotion_turns"] == first["emotion_turns"]  # by the name of the audio


def test_a_line_with_an_unreadable_rttm_gets_a_reason(manifest, engine, talk):
    talk.with_name("turns.rttm").write_text("SPEAKER talk 1\n")
    path = manifest(line(rttm_filepath="turns.rttm"), line(rttm_filepath="none.rttm"))

    summary = annotate_nemo(path, beside(path), score=engine)

    first, second = records(beside(path))
    assert first["emotion_turns"] == second["emotion_turns"] == []
    assert "turns.rttm: line 1" in first["emotion_reason"]
    assert "none.rttm" in second["emotion_reason"]
    assert summary.failed == 2


def test_failed_lines_are_scored_again(manifest, engine, talk):
    path = manifest(line(rttm_filepath="turns.rttm"))
    annotate_nemo(path, beside(path), score=engine)
    talk.with_name("turns.rttm").write_text(RTTM)

    again = path.with_name("again.json")
    annotate_nemo(beside(path), again, score=engine)

    [found] = records(again)
    assert len(found["emotion_turns"]) == 2
    assert "emotion_reason" not in found


def test_an_rttm_without_turns_is_not_a_failure(manifest, engine, talk):
    talk.with_name("turns.rttm").write_text("")
    path = manifest(line(rttm_filepath="turns.rttm"))

    summary = annotate_nemo(path, beside(path), score=engine)

    assert (summary.turns, summary.failed) == (0, 0)
    assert records(beside(path))[0]["emotion_turns"] == []


def test_existing_labels_are_replaced_only_on_request(manifest, engine, talk):
    talk.with_name("turns.rttm").write_text(RTTM)
    labelled = '{"audio_filepath": "talk.wav", "emotion":"calm", "duration": 2.0}'
    turns = line(rttm_filepath="turns.rttm", emotion_turns=[{"emotion": "calm"}])
    path = manifest(labelled, turns, line(emotion=None))
    before = path.read_text("utf-8").splitlines()

    summary = annotate_nemo(path, beside(path), score=engine)

    assert (summary.lines, summary.skipped, summary.turns) == (3, 2, 1)
    assert beside(path).read_text("utf-8").splitlines()[:2] == before[:2]
    assert records(beside(path))[2]["emotion"] is not None
    one, two, _ = annotated(path, engine, options=Options(overwrite=True))
    assert one["emotion"] != "calm"
    assert list(one)[:3] == ["audio_filepath", "emotion", "duration"]
    assert len(two["emotion_turns"]) == 2


def test_the_field_can_have_another_name(manifest, engine):
    [found] = annotated(manifest(line(emotion="calm")), engine, options=Options(field="mood"))

    assert found["emotion"] == "calm"
    assert found["mood"] in {"angry", "happy", "neutral", "sad", "unknown"}
    assert "mood_score" in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"audio_filepath": "ta', "JSON.*truncated"),
        ('{"audio_filepath": "ta\n', "JSON"),
        ("1" * 5000 + "\n", "JSON"),
        ("[" * 99_999 + "\n", "JSON"),
        ("[1]\n", "JSON .*list"),
        ("7\n", "JSON .*int"),
        ('{"audio_filepath": "a.wav", "shard_id": 0}\n', "shard_id"),
    ],
)
def test_a_malformed_line_is_an_error_before_anything_is_scored(manifest, engine, text, message):
    path = manifest(line(), "")
    with path.open("a") as file:
        file.write(text)

    with pytest.raises(FormatError, match=rf"manifest\.json: line 3: .*{message}"):
        annotate_nemo(path, beside(path), score=engine, bad_items="stop")

    assert engine.backend.batches == []
    assert not beside(path).exists()
    assert not list(path.parent.glob(".*"))


def test_bytes_that_are_not_text_are_rejected(manifest, engine):
    path = manifest(line())
    path.write_bytes(path.read_bytes() + b'{"text": "\xff"}\n')

    with pytest.raises(FormatError, match=r"line 2: .*UTF-8"):
        annotate_nemo(path, beside(path), score=engine, bad_items="stop")


def test_an_unpacked_shard_is_scored(manifest, engine):
    [found] = annotated(manifest(line(shard_id=0)), engine)

    assert found["emotion"] is not None


def test_blank_lines_and_a_byte_order_mark_are_skipped(manifest, engine):
    path = manifest("\ufeff" + json.dumps(line()), "  ", line(), "")

    assert len(annotated(path, engine)) == 2


def test_the_output_of_an_empty_manifest_is_empty(manifest, engine):
    path = manifest()

    summary = annotate_nemo(path, beside(path), score=engine)

    assert (summary.lines, summary.turns) == (0, 0)
    assert path.with_name("out.json").read_bytes() == b""


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("s3://bucket/x.wav", "urls"),
        ("file:///talk.wav", "urls"),
        ("pipe:sox talk.wav -t wav -", "commands"),
        ("sox talk.wav -t wav - |", "commands"),
    ],
)
@pytest.mark.parametrize("key", ["audio_filepath", "rttm_filepath"])
def test_a_location_that_is_no_file_is_shown_as_it_is_with_what_it_is(
    manifest, engine, key, location, kind
):
    [found] = annotated(manifest(line(**{key: location})), engine)

    assert_facts(found["emotion_reason"], key, location, kind, "not supported")


def test_a_file_may_have_the_name_of_a_command(manifest, engine, talk):
    talk.rename(talk.with_name("pipe:talk.wav"))

    [found] = annotated(manifest(line(audio_filepath="pipe:talk.wav")), engine)

    assert found["emotion"] is not None


def test_an_output_in_another_folder_raises_a_warning(manifest, engine, tmp_path, talk):
    (tmp_path / "out").mkdir()
    path = manifest(
        line(), line(audio_filepath=str(talk)), *map(elsewhere, ("s3://b/x.wav", "sox x |"))
    )

    with pytest.warns(Emo2vecWarning, match="1 of its lines .*relative"):
        annotate_nemo(path, tmp_path / "out" / "manifest.json", score=engine)


def test_arrays_are_rejected(manifest, engine):
    with pytest.raises(OptionsError, match="embeddings"):
        annotate_nemo(manifest(), "x", score=engine, options=Options(embeddings=True))


def test_lines_are_sources(manifest, engine):
    path = manifest(line(), line(offset=0.0))

    first, second = annotate(read_manifest(path), score=engine)

    assert first.emotions.recording == "talk"
    assert first.emotions.turns[0].turn == Turn(start=1.0, end=3.0)
    assert first.record["emotion"] == first.emotions.turns[0].emotion.label
    assert json.loads(second.text) == second.record
    assert (second.number, second.manifest) == (2, path)


def test_lines_are_read_lazily(manifest, noise):
    engine = Engine(FakeBackend(), batch_seconds=2.0, workers=0)
    path = manifest(*[line()] * 5000)
    read = 0

    def counted():
        nonlocal read
        for each in read_manifest(path):
            read += 1
            yield each

    next(annotate(counted(), score=engine))

    assert read < 1000


def test_a_line_with_a_failed_plugin_gets_a_reason(manifest, engine):
    class Broken:
        @hookimpl
        def emo2vec_open(self, source, options):
            raise ValueError("broken")

    path = manifest(line())
    plugins = Plugins([Broken()], installed=False)

    summary = annotate_nemo(path, beside(path), score=engine, plugins=plugins)

    assert summary.failed == 1
    assert "broken" in records(beside(path))[0]["emotion_reason"]


def test_the_session_passes_the_checks_for_plugins(manifest):
    [one] = read_manifest(manifest(line()))

    finished = check_session(Plugins(installed=False).open(one, Options()))

    assert finished.record["emotion"] == "neutral"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    record=st.dictionaries(st.text(), json_values),
    separators=st.sampled_from([(", ", ": "), (",", ":"), (" ,\t", " : ")]),
    ascii_only=st.booleans(),
)
def test_joined_members_are_the_object(record, separators, ascii_only):
    text = json.dumps(record, separators=separators, ensure_ascii=ascii_only)

    found = members(text)

    assert list(found) == list(record)
    again = json.loads("{" + ", ".join(found.values()) + "}")
    assert json.dumps(again) == json.dumps(record)
    assert all(member in text for member in found.values())
