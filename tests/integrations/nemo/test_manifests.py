"""Manifests of NeMo: the same lines, each with an emotion."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    """Six seconds of two different channels."""
    return write("talk.wav", noise(6 * 16_000, channels=2), 16_000)


@pytest.fixture
def manifest(tmp_path, talk):
    """A maker of manifests beside talk.wav, of records or of lines as they stand."""

    def make(*lines, name="manifest.json"):
        path = tmp_path / name
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text("".join(f"{text}\n" for text in texts), "utf-8")
        return path

    return make


def line(**more):
    return {"audio_filepath": "talk.wav", "offset": 1.0, "duration": 2.0, "text": "yes"} | more


def annotated(path, engine, **more):
    """The records that come out, written over what went in."""
    annotate_nemo(path, path, score=engine, **more)
    return records(path)


def records(path):
    return [json.loads(text) for text in path.read_text("utf-8").splitlines()]


def test_every_line_gets_the_emotion_of_its_stretch(manifest, engine, talk):
    path = manifest(line(), line(offset=0.25, duration=1.5))

    first, second = annotated(path, engine)

    one, two = engine.score(talk, [Turn(start=1.0, end=3.0), Turn(start=0.25, end=1.75)])
    assert (first["emotion"], first["emotion_score"]) == (one.label, one.score)
    assert (second["emotion"], second["emotion_score"]) == (two.label, two.score)
    assert list(first)[:6] == [*line(), "emotion", "emotion_score"]


def test_what_a_line_says_is_written_as_it_stands(manifest, engine):
    said = (
        '{"audio_filepath": "talk.wav", "offset": 1.00, "duration": 1e0, "text": "n\\u00e9e \\"ü\\"", '
        '"label": "infer", "speaker": 7, "mine": {"b": [1, 2.50], "a": null}, '
        '"id": 123456789012345678901234567890'
    )
    path = manifest(said + "}", said.replace(", ", " ,\t").replace(": ", "  :") + " }")

    annotate_nemo(path, path, score=engine)

    first, second = path.read_text("utf-8").splitlines()
    assert first.startswith(said + ', "emotion": ')
    assert json.loads(second) == json.loads(first)


@pytest.mark.parametrize("offset", ["absent", None, 0])
@pytest.mark.parametrize("duration", ["absent", None, 6.0])
def test_without_offset_and_duration_it_is_all_of_the_file(
    manifest, engine, talk, offset, duration
):
    record = line(offset=offset, duration=duration)
    record = {key: value for key, value in record.items() if value != "absent"}

    [found] = annotated(manifest(record), engine)

    assert found["emotion_score"] == engine.score(talk)[0].score


@pytest.mark.parametrize(
    ("selector", "channel"), [(None, None), ("average", None), (1, 1), ([1], 1), ([0, 1], None)]
)
def test_channels_are_those_that_the_line_selects(manifest, engine, talk, selector, channel):
    [found] = annotated(manifest(line(channel_selector=selector)), engine)

    expected = engine.score(talk, [Turn(start=1.0, end=3.0, channel=channel)])
    assert found["emotion_score"] == expected[0].score


def test_paths_are_relative_to_the_manifest_then_to_the_working_folder(
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
        ({"text": "yes", "duration": 1.0}, "expected 'audio_filepath' to be the path of one file"),
        (line(audio_filepath=["a.wav", "b.wav"]), "path of one file, found ['a.wav', 'b.wav']"),
        (line(audio_filepath=""), "path of one file, found ''"),
        (line(offset="1"), "expected 'offset' to be a number of seconds, found '1'"),
        (line(duration=True), "expected 'duration' to be a number of seconds, found True"),
        (line(duration=-1.0), "a turn needs start <= end"),
        (line(duration=float("nan")), "a turn needs start <= end"),
        (line(duration=0), "too short"),
        (line(offset=60.0), "too short"),
        (line(channel_selector=[]), "expected 'channel_selector' to be a number"),
        (line(channel_selector="left"), "expected 'channel_selector' to be a number"),
        (line(channel_selector=True), "expected 'channel_selector' to be a number"),
        (line(channel_selector=2), "the audio has [0, 1]"),
    ],
)
def test_a_line_that_cannot_be_scored_is_kept_with_a_reason(manifest, engine, record, reason):
    path = manifest(line(), record, line())

    summary = annotate_nemo(path, path, score=engine)

    first, second, third = records(path)
    assert second["emotion"] is None
    assert reason in second["emotion_reason"]
    assert second["text"] == "yes"
    assert first["emotion"] == third["emotion"] != None  # noqa: E711 - three in one
    assert (summary.lines, summary.turns, summary.failed) == (3, 3, 1)
    assert summary.failures[0].startswith("line 2: ")


def test_a_line_with_an_rttm_gets_its_turns(manifest, engine, talk):
    talk.with_name("turns.rttm").write_text(RTTM)
    path = manifest(
        {"audio_filepath": "talk.wav", "offset": 0, "duration": None, "label": "infer"}
        | {"rttm_filepath": "turns.rttm"}
    )

    summary = annotate_nemo(path, path, score=engine)

    [found] = records(path)
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


def test_turns_are_cut_to_the_stretch_of_the_line(manifest, engine, talk):
    lasting = "SPEAKER talk 1 2.000 0.000 <NA> <NA> ann <NA> <NA>\n"
    talk.with_name("turns.rttm").write_text(RTTM + lasting)
    path = manifest(line(rttm_filepath="turns.rttm"))

    [found] = annotated(path, engine)

    assert [(turn["start"], turn["end"]) for turn in found["emotion_turns"]] == [
        (1.0, 2.0),
        (1.5, 3.0),
        (2.0, 2.0),
    ]


def test_of_an_rttm_of_several_the_recording_of_the_line_is_taken(manifest, engine, talk):
    other = "SPEAKER session 1 1.000 1.000 <NA> <NA> cid <NA> <NA>\n"
    talk.with_name("turns.rttm").write_text(RTTM + other)
    own = line(rttm_filepath="turns.rttm")
    path = manifest(own, own | {"uniq_id": "session"}, own | {"uniq_id": "x"})

    first, second, third = annotated(path, engine)

    assert [turn["speaker"] for turn in first["emotion_turns"]] == ["ann", "bob"]
    assert [turn["speaker"] for turn in second["emotion_turns"]] == ["cid"]
    assert third["emotion_turns"] == first["emotion_turns"]  # named like its audio


def test_a_line_whose_rttm_cannot_be_read_says_why(manifest, engine, talk):
    talk.with_name("turns.rttm").write_text("SPEAKER talk 1\n")
    path = manifest(line(rttm_filepath="turns.rttm"), line(rttm_filepath="none.rttm"))

    summary = annotate_nemo(path, path, score=engine)

    first, second = records(path)
    assert first["emotion_turns"] == second["emotion_turns"] == []
    assert "turns.rttm: line 1" in first["emotion_reason"]
    assert "none.rttm" in second["emotion_reason"]
    assert summary.failed == 2


def test_lines_that_failed_are_tried_again(manifest, engine, talk):
    path = manifest(line(rttm_filepath="turns.rttm"))
    annotate_nemo(path, path, score=engine)
    talk.with_name("turns.rttm").write_text(RTTM)

    [found] = annotated(path, engine)

    assert len(found["emotion_turns"]) == 2
    assert "emotion_reason" not in found


def test_an_rttm_without_turns_is_no_failure(manifest, engine, talk):
    talk.with_name("turns.rttm").write_text("")
    path = manifest(line(rttm_filepath="turns.rttm"))

    summary = annotate_nemo(path, path, score=engine)

    assert (summary.turns, summary.failed) == (0, 0)
    assert records(path)[0]["emotion_turns"] == []


def test_labels_that_are_there_are_kept_unless_they_are_to_be_replaced(manifest, engine, talk):
    talk.with_name("turns.rttm").write_text(RTTM)
    labelled = '{"audio_filepath": "talk.wav", "emotion":"calm", "duration": 2.0}'
    turns = line(rttm_filepath="turns.rttm", emotion_turns=[{"emotion": "calm"}])
    path = manifest(labelled, turns, line(emotion=None))
    before = path.read_text("utf-8").splitlines()

    summary = annotate_nemo(path, path, score=engine)

    assert (summary.lines, summary.skipped, summary.turns) == (3, 2, 1)
    assert path.read_text("utf-8").splitlines()[:2] == before[:2]
    assert records(path)[2]["emotion"] is not None
    one, two, _ = annotated(path, engine, options=Options(overwrite=True))
    assert one["emotion"] != "calm"
    assert list(one)[:3] == ["audio_filepath", "emotion", "duration"]
    assert len(two["emotion_turns"]) == 2


def test_the_field_can_be_called_otherwise(manifest, engine):
    [found] = annotated(manifest(line(emotion="calm")), engine, options=Options(field="mood"))

    assert found["emotion"] == "calm"
    assert found["mood"] in {"angry", "happy", "neutral", "sad", "unknown"}
    assert "mood_score" in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"audio_filepath": "ta', "line 3: expected a JSON object.*was it cut off"),
        ('{"audio_filepath": "ta\n', "line 3: expected a JSON object"),
        ("1" * 5000 + "\n", "line 3: expected a JSON object"),
        ("[" * 99_999 + "\n", "line 3: expected a JSON object"),
        ("[1]\n", "line 3: expected a JSON object, found a list"),
        ("7\n", "line 3: expected a JSON object, found a int"),
        ('{"audio_filepath": "a.wav", "shard_id": 0}\n', "line 3: .*tar file"),
    ],
)
def test_a_line_that_is_none_stops_before_anything_is_scored(manifest, engine, text, message):
    path = manifest(line(), "")
    with path.open("a") as file:
        file.write(text)

    with pytest.raises(FormatError, match=f"manifest.json: {message}"):
        annotate_nemo(path, path.with_name("out.json"), score=engine)

    assert engine.backend.batches == []
    assert not path.with_name("out.json").exists()
    assert not list(path.parent.glob(".*"))


def test_bytes_that_are_no_text_are_named(manifest, engine):
    path = manifest(line())
    path.write_bytes(path.read_bytes() + b'{"text": "\xff"}\n')

    with pytest.raises(FormatError, match=r"line 2: expected text in UTF-8"):
        annotate_nemo(path, path, score=engine)


def test_a_shard_that_is_unpacked_is_scored(manifest, engine):
    [found] = annotated(manifest(line(shard_id=0)), engine)

    assert found["emotion"] is not None


def test_blank_lines_and_a_byte_order_mark_are_passed_over(manifest, engine):
    path = manifest("\ufeff" + json.dumps(line()), "  ", line(), "")

    assert len(annotated(path, engine)) == 2


def test_an_empty_manifest_stays_empty(manifest, engine):
    path = manifest()

    summary = annotate_nemo(path, path.with_name("out.json"), score=engine)

    assert (summary.lines, summary.turns) == (0, 0)
    assert path.with_name("out.json").read_bytes() == b""


def test_a_manifest_in_another_folder_loses_its_audio_and_is_warned_of(
    manifest, engine, tmp_path, talk
):
    (tmp_path / "out").mkdir()
    path = manifest(line(), line(audio_filepath=str(talk)), line(audio_filepath="s3://b/x.wav"))

    with pytest.warns(Emo2vecWarning, match="1 of its lines name files relative"):
        annotate_nemo(path, tmp_path / "out" / "manifest.json", score=engine)


def test_arrays_have_no_room(manifest, engine):
    with pytest.raises(OptionsError, match="no room"):
        annotate_nemo(manifest(), "x", score=engine, options=Options(embeddings=True))


def test_lines_are_sources_of_a_stream(manifest, engine):
    path = manifest(line(), line(offset=0.0))

    first, second = annotate(read_manifest(path), score=engine)

    assert first.emotions.recording == "talk"
    assert first.emotions.turns[0].turn == Turn(start=1.0, end=3.0)
    assert first.record["emotion"] == first.emotions.turns[0].emotion.label
    assert json.loads(second.text) == second.record
    assert (second.number, second.manifest) == (2, path)


def test_lines_are_read_as_they_are_needed(manifest, noise):
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


def test_a_line_that_another_plugin_fails_at_is_kept(manifest, engine):
    class Broken:
        @hookimpl
        def emo2vec_open(self, source, options):
            raise ValueError("broken")

    path = manifest(line())
    plugins = Plugins([Broken()], installed=False)

    summary = annotate_nemo(path, path, score=engine, plugins=plugins)

    assert summary.failed == 1
    assert "broken" in records(path)[0]["emotion_reason"]


def test_the_session_keeps_the_contract(manifest):
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
def test_members_put_together_are_the_object(record, separators, ascii_only):
    text = json.dumps(record, separators=separators, ensure_ascii=ascii_only)

    found = members(text)

    assert list(found) == list(record)
    again = json.loads("{" + ", ".join(found.values()) + "}")
    assert json.dumps(again) == json.dumps(record)
    assert all(member in text for member in found.values())
