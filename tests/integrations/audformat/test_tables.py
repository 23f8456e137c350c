"""audformat: conversion of dialogues to databases and back, and annotation of tables."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import audformat
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.formats import PROVENANCE, dialogues, names

from emo2vec_plugins import (
    Dialogue,
    Emotion,
    Engine,
    Options,
    Plugins,
    Recording,
    ScoredTurn,
    Turn,
    annotate,
)
from emo2vec_plugins.errors import Emo2vecWarning, FormatError, MissingExtraError, OptionsError
from emo2vec_plugins.formats.files import write_dialogues
from emo2vec_plugins.integrations.audformat.frames import from_frame, to_frame
from emo2vec_plugins.integrations.audformat.tables import annotate_table, from_database, to_database
from emo2vec_plugins.testing import FakeBackend, tone

# pandas 3.1 deprecates an argument that audformat 1.4.3 uses to read its files.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

SAD = Emotion(
    label="sad",
    score=0.75,
    scores={"angry": 0.25, "sad": 0.75},
    flags=("short", "overlapped"),
    duration=0.5,
    overlap_ratio=0.125,
    doubt=0.25,
    provenance=PROVENANCE,
)
LOST = Emotion(reason="too short: 0.01 s", provenance=PROVENANCE)


def turn(start, end, emotion=SAD, **more):
    return ScoredTurn(turn=Turn(start=start, end=end, **more), emotion=emotion)


TALK = Dialogue(
    recording="talk",
    audio="sound/talk.wav",
    turns=(turn(0.5, 1.0, speaker="Ann"), turn(0.75, 0.76, LOST), turn(0.5, 1.25, speaker="?")),
)
PHONE = Dialogue(recording="phone", turns=(turn(0.0, 2.0, speaker="Ann"),))


@pytest.fixture
def sounds(write):
    write("a.wav", tone(2.0), 16_000)
    return write("b.wav", tone(1.0, pitch=440.0), 16_000).parent


def table_of(index, **columns):
    database = audformat.Database("theirs")
    database["segments"] = audformat.Table(index)
    for name, values in columns.items():
        database["segments"][name] = audformat.Column()
        database["segments"][name].set(values)
    return database


def scored_alone(path, start, end):
    """Score a part of a file by itself."""
    source = Recording(recording="x", audio=path, turns=[Turn(start=start, end=end)])
    [dialogue] = annotate([source], score=Engine(FakeBackend()))
    return dialogue.turns[0].emotion


def test_a_turn_is_a_segment_of_its_file():
    frame = to_frame([TALK, PHONE])

    audformat.assert_index(frame)
    audformat.assert_no_duplicates(frame)
    assert frame.reset_index().astype(object).iloc[0].to_dict() == {
        "file": "sound/talk.wav",
        "start": pd.Timedelta("0.5s"),
        "end": pd.Timedelta("1s"),
        "recording": "talk",
        "speaker": "Ann",
        "emotion": "sad",
        "emotion_score": 0.75,
        "emotion_score_angry": 0.25,
        "emotion_score_sad": 0.75,
        "emotion_flags": "short overlapped",
        "emotion_reason": None,
        "emotion_duration": 0.5,
        "emotion_overlap_ratio": 0.125,
        "emotion_doubt": 0.25,
    }


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given=dialogues(
        speakers=st.none() | names, labels=st.sampled_from(["sad", "a b"]), recordings=names, most=3
    )
)
def test_dialogues_are_equal_after_a_round_trip_through_a_frame(given):
    again = from_frame(to_frame(given))

    assert [each.recording for each in again] == [each.recording for each in given]
    for ours, theirs in zip(given, again, strict=True):
        assert theirs.audio == ours.audio
        for one, other in zip(ours.turns, theirs.turns, strict=True):
            assert other.turn.start == pytest.approx(one.turn.start, abs=1e-9)
            assert other.turn.end == pytest.approx(one.turn.end, abs=1e-8)
            assert other.turn.speaker == one.turn.speaker
            assert other.emotion == replace(one.emotion, logits={}, provenance=None)


def test_the_second_of_two_equal_segments_ends_a_nanosecond_later():
    twice = Dialogue(recording="a", turns=(turn(0, 1, speaker="A"), turn(0, 1, speaker="B")))

    frame = to_frame([twice])

    audformat.assert_no_duplicates(frame)
    assert [end.value for end in frame.index.get_level_values("end")] == [
        1_000_000_000,
        1_000_000_001,
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([TALK, TALK], "two .*'talk'"),
        ([TALK.turns[0]], "Dialogue.*ScoredTurn"),
        ([Dialogue(recording="a", turns=(turn(-0.5, 1.0),))], r"292 years.*-0\.5 to 1\.0"),
        ([Dialogue(recording="a", turns=(turn(0.0, 1e10),))], "292 years"),
    ],
)
def test_dialogues_that_an_index_does_not_support_are_rejected(given, message):
    with pytest.raises(FormatError, match=message):
        to_frame(given)


def test_a_recording_without_turns_raises_a_warning():
    with pytest.warns(Emo2vecWarning, match="without turns: 'quiet'"):
        assert len(to_frame([PHONE, Dialogue(recording="quiet")])) == 1


@pytest.mark.parametrize("storage", ["csv", "parquet"])
def test_a_database_has_the_same_dialogues_after_saving_and_loading(tmp_path, storage):
    database = to_database([TALK, PHONE], name="talks")
    database.save(str(tmp_path), storage_format=storage)

    loaded = audformat.Database.load(str(tmp_path))

    assert loaded == database
    assert from_database(loaded, "emotion") == [TALK, PHONE]


def test_the_model_is_the_rater_of_a_database():
    database = to_database([TALK], name="talks")

    column = database["emotion"]["emotion"]
    assert column.rater.type == "machine"
    assert column.rater.description == "tiny"
    assert column.scheme.labels == ["angry", "sad"]
    assert database["emotion"].media.type == "audio"
    assert database.license is None


def test_emotions_of_two_models_are_rejected():
    other = replace(SAD, provenance=replace(PROVENANCE, model="other"))

    with pytest.raises(FormatError, match="2: other, tiny"):
        to_database([TALK, Dialogue(recording="b", turns=(turn(0, 1, other),))], name="talks")


def test_files_below_the_root_make_a_portable_database(tmp_path):
    talk = replace(TALK, audio=str(tmp_path / "sound" / "talk.wav"))

    assert to_database([talk], name="x", root=tmp_path).is_portable
    assert not to_database([talk], name="x").is_portable
    assert list(to_database([talk], name="x", root=tmp_path).files) == ["sound/talk.wav"]
    elsewhere = to_database([talk], name="x", root=tmp_path / "elsewhere")
    assert list(elsewhere.files) == [str(tmp_path / "sound" / "talk.wav")]


def test_a_database_may_have_no_labels():
    database = to_database([Dialogue(recording="a", turns=(turn(0, 1, LOST),))], name="x")

    assert from_database(database, "emotion")[0].turns[0].emotion == LOST


def test_a_table_without_recordings_has_one_for_each_file(sounds):
    index = audformat.segmented_index(["a.wav", "b.wav", "a.wav"], [0, 0.25, 1], [1, None, None])
    database = table_of(index, speaker=["A", None, "B"], emotion=["joy", "anger", None])

    first, second = from_database(database, "segments", root=sounds)

    assert (first.recording, first.audio) == ("a.wav", "a.wav")
    assert [each.turn for each in first.turns] == [
        Turn(start=0, end=1, speaker="A"),
        Turn(start=1, end=2, speaker="B"),
    ]
    assert [each.emotion.label for each in first.turns] == ["joy", None]
    assert second.turns[0].turn == Turn(start=0.25, end=1.0)


def test_an_open_segment_of_a_missing_file_is_an_error():
    database = table_of(audformat.filewise_index(["gone.wav"]))

    with pytest.raises(FormatError, match=r"gone\.wav: .*open segment"):
        from_database(database, "segments")


def test_rows_keep_their_order_for_any_order_of_files(sounds, engine):
    index = audformat.segmented_index(
        ["b.wav", "a.wav", "b.wav", "a.wav"], [0, 1, 0.5, 0], [None, 1.5, 1, None]
    )
    database = table_of(index)

    table = annotate_table(database, "segments", score=engine, root=sounds)

    expected = [
        scored_alone(sounds / "b.wav", 0, 1),
        scored_alone(sounds / "a.wav", 1, 1.5),
        scored_alone(sounds / "b.wav", 0.5, 1),
        scored_alone(sounds / "a.wav", 0, 2),
    ]
    assert table is database["segments"]
    assert list(table.df["emotion"]) == [each.label for each in expected]
    assert list(table.df["emotion_score"]) == pytest.approx([each.score for each in expected])
    assert list(table.df["emotion_flags"].fillna("")) == ["", "short", "short", ""]
    assert table.index.equals(index)


def test_whole_files_are_scored_into_a_table_beside_human_labels(sounds, engine, tmp_path):
    database = table_of(audformat.filewise_index(["a.wav", "gone.wav"]))
    database.schemes["emotion"] = audformat.Scheme(labels=["joy", "anger"])
    database["segments"]["emotion"] = audformat.Column(scheme_id="emotion")
    database["segments"]["emotion"].set(["joy", "anger"])

    table = annotate_table(
        database,
        "segments",
        score=engine,
        root=sounds,
        into="model",
        options=Options(field="model"),
    )

    assert list(database["segments"].df["emotion"]) == ["joy", "anger"]
    assert table.df["model"].tolist()[0] == scored_alone(sounds / "a.wav", 0, 2).label
    assert "gone.wav" in table.df["model_reason"].tolist()[1]
    database.save(str(tmp_path))
    assert audformat.Database.load(str(tmp_path)) == database


def test_overlap_is_measured_if_speakers_are_known(sounds, engine):
    index = audformat.segmented_index(["a.wav", "a.wav"], [0, 0.5], [1, 2])

    table = annotate_table(
        table_of(index, speaker=["A", "B"]), "segments", score=engine, root=sounds
    )
    unknown = annotate_table(table_of(index), "segments", score=engine, root=sounds)

    assert table.df["emotion_overlap_ratio"].tolist() == pytest.approx([0.5, 1 / 3])
    assert all(math.isnan(value) for value in unknown.df["emotion_overlap_ratio"])


def test_two_tables_of_a_database_share_schemes_and_rater(sounds, engine):
    database = table_of(audformat.filewise_index(["a.wav"]))
    database["more"] = audformat.Table(audformat.filewise_index(["b.wav"]))

    for name in ("segments", "more"):
        annotate_table(database, name, score=engine, root=sounds)

    assert list(database.raters) == ["emotion"]
    assert database.schemes["emotion"].labels == ["angry", "happy", "neutral", "sad", "unknown"]


def test_another_model_is_another_rater(sounds, engine):
    class Other(FakeBackend):
        provenance = replace(FakeBackend.provenance, model="other")

    database = table_of(audformat.filewise_index(["a.wav"]))
    annotate_table(database, "segments", score=engine, root=sounds)
    annotate_table(database, "segments", score=Engine(Other()), root=sounds, into="second")

    assert database["segments"]["emotion"].rater_id == "emotion"
    assert database["second"]["emotion"].rater_id == "emotion-2"
    assert from_database(database, "second", root=sounds)[0].turns[0].emotion.provenance == (
        Other.provenance
    )


def test_existing_columns_are_replaced_only_on_request(sounds, engine):
    database = table_of(audformat.filewise_index(["a.wav"]), emotion=["joy"], emotion_other=["x"])

    with pytest.raises(OptionsError, match="'segments' already has emotion;"):
        annotate_table(database, "segments", score=engine, root=sounds)
    assert list(database["segments"].df["emotion"]) == ["joy"]

    table = annotate_table(
        database, "segments", score=engine, root=sounds, options=Options(overwrite=True)
    )
    assert list(table.df["emotion"]) == [scored_alone(sounds / "a.wav", 0, 2).label]
    assert list(table.df["emotion_other"]) == ["x"]


def test_a_scheme_of_human_labels_is_not_changed(sounds, engine):
    database = table_of(audformat.filewise_index(["a.wav"]))
    database.schemes["emotion"] = audformat.Scheme(labels=["joy"])
    database["people"] = audformat.Table(audformat.filewise_index(["a.wav"]))
    database["people"]["label"] = audformat.Column(scheme_id="emotion")

    with pytest.raises(OptionsError, match=r"'emotion' .*'label' .*'people'"):
        annotate_table(database, "segments", score=engine, root=sounds)


@pytest.mark.parametrize(
    ("more", "kind", "message"),
    [
        ({"table": "nothing"}, FormatError, "'nothing'.*'segments'"),
        ({"into": "segments"}, OptionsError, "'segments' already exists"),
        ({"options": Options(embeddings=True)}, OptionsError, "embeddings"),
    ],
)
def test_wrong_arguments_are_rejected(engine, more, kind, message):
    database = table_of(audformat.filewise_index(["a.wav"]))

    with pytest.raises(kind, match=message):
        annotate_table(database, more.pop("table", "segments"), score=engine, **more)


def test_invalid_segments_are_named(engine):
    backwards = table_of(audformat.segmented_index(["a.wav"], [2], [1]))
    twice = table_of(audformat.segmented_index(["a.wav", "a.wav"], [0, 0], [1, 1]))

    with pytest.raises(FormatError, match=r"a\.wav, 0 days 00:00:02 to 0 days 00:00:01: "):
        annotate_table(backwards, "segments", score=engine)
    with pytest.raises(FormatError, match=r"'segments' .*a\.wav"):
        annotate_table(twice, "segments", score=engine)
    with pytest.raises(FormatError, match="file, start, end, found file"):
        from_frame(pd.DataFrame(index=audformat.filewise_index(["a.wav"])))


def test_the_library_reads_a_table_written_without_it(tmp_path):
    path = tmp_path / "talks.audformat.csv"
    given = [replace(TALK, turns=TALK.turns[:2]), PHONE]
    write_dialogues(given, path, plugins=Plugins(installed=False))

    talk, phone = from_frame(audformat.utils.read_csv(str(path)))

    assert (talk.recording, talk.audio) == ("talk", "sound/talk.wav")
    assert (phone.recording, phone.audio) == ("phone", None)
    assert [each.turn for each in talk.turns] == [each.turn for each in given[0].turns]
    assert [each.emotion for each in talk.turns] == [
        replace(each, provenance=None) for each in (SAD, LOST)
    ]


def test_a_missing_library_is_reported_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "audformat", None)

    with pytest.raises(MissingExtraError, match=r"\[audformat\]"):
        to_frame([TALK])


def test_emodb_clips_are_scored_as_single_files(shared, engine):
    folder = shared / "emodb"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.wav"))[:4]
    database = table_of(audformat.filewise_index(files))

    table = annotate_table(database, "segments", score=engine, root=folder)

    assert list(table.df["emotion"]) == [
        scored_alone(folder / Path(file), 0, 60).label for file in files
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("0 days", "some days"),
        lambda text: text.replace("0 days", "x" * 5000),
        lambda text: "",
        lambda text: "\0" * 100,
    ],
)
def test_a_damaged_table_is_named(tmp_path, change):
    to_database([TALK], name="talks").save(str(tmp_path), storage_format="csv")
    path = tmp_path / "db.emotion.csv"
    path.write_text(change(path.read_text()))
    database = audformat.Database.load(str(tmp_path), load_data=False)

    with pytest.raises(FormatError) as caught:
        from_database(database, "emotion")

    assert "'emotion'" in str(caught.value)
    assert len(str(caught.value)) < 2000
