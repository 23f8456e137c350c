"""CSV of audformat tables, checked with audformat in both directions."""

from __future__ import annotations

import io
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.errors import Emo2vecWarning, FormatError
from emo2vec_plugins.formats.tables.audformat import dumps, loads

ANGRY = ScoredTurn(
    turn=Turn(start=6.69, end=7.12, speaker='Ann "A"'),
    emotion=Emotion(
        label="angry",
        score=0.75,
        scores={"angry": 0.75, "sad": 0.25},
        flags=("short", "overlapped"),
        duration=0.43,
        overlap_ratio=0.5,
    ),
)
SILENT = ScoredTurn(
    turn=Turn(start=-0.5, end=90_000.123456789, speaker=""), emotion=Emotion(reason="no audio")
)
TALK = Dialogue(recording="talk", turns=(ANGRY, SILENT), audio="audio/talk 1.wav")


@pytest.fixture(scope="module")
def audformat():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from its imports
        return pytest.importorskip("audformat")


# audformat 1.4 uses features that pandas 3.1 deprecates.
of_audformat = pytest.mark.filterwarnings("ignore:The .* is deprecated:DeprecationWarning")


def a_table(*lines):
    return "".join(f"{each}\n" for each in lines)


def test_a_turn_is_a_segment():
    assert dumps([TALK]) == a_table(
        "file,start,end,recording,speaker,emotion,emotion_score,"
        "emotion_score_angry,emotion_score_sad,emotion_flags,emotion_reason,"
        "emotion_duration,emotion_overlap_ratio,emotion_doubt",
        "audio/talk 1.wav,0 days 00:00:06.690000,0 days 00:00:07.120000,talk,"
        '"Ann ""A""",angry,0.75,0.75,0.25,short overlapped,,0.43,0.5,',
        "audio/talk 1.wav,-1 days +23:59:59.500000,1 days 01:00:00.123456789,talk,"
        '"",,,,,,no audio,0.0,,',
    )


@of_audformat
def test_audformat_reads_it(audformat):
    frame = audformat.utils.read_csv(io.StringIO(dumps([TALK])))

    assert audformat.is_segmented_index(frame)
    assert frame.index.get_level_values("file").tolist() == ["audio/talk 1.wav"] * 2
    starts, ends = (frame.index.get_level_values(name) for name in ("start", "end"))
    assert [each.value for each in starts] == [6_690_000_000, -500_000_000]
    assert [each.value for each in ends] == [7_120_000_000, 90_000_123_456_789]
    assert frame["emotion"].tolist()[0] == "angry"
    assert frame["emotion_score_sad"].tolist()[0] == 0.25


@of_audformat
def test_a_database_accepts_it_as_a_table(audformat, tmp_path):
    database = audformat.Database("results")
    database.schemes["emotion"] = audformat.Scheme(labels=["angry", "sad"])
    database.schemes["score"] = audformat.Scheme("float")
    database["turns"] = audformat.Table(audformat.segmented_index())
    for name, scheme in (("emotion", "emotion"), ("emotion_score", "score")):
        database["turns"][name] = audformat.Column(scheme_id=scheme)
    database.save(tmp_path, storage_format="csv")
    (tmp_path / "db.turns.csv").write_text(dumps([TALK]), "utf-8")

    frame = audformat.Database.load(tmp_path)["turns"].get()

    assert frame["emotion"].tolist()[0] == "angry"
    assert frame["emotion_score"].tolist()[0] == 0.75


@of_audformat
def test_a_database_table_is_read(audformat, tmp_path):
    files, starts, ends = ["a.wav", "b.wav", "a.wav"], [0, 0.25, 1.5], [1, 2, 86_400.5]
    database = audformat.Database("corpus")
    database["turns"] = audformat.Table(audformat.segmented_index(files, starts, ends))
    database["turns"]["speaker"] = audformat.Column()
    database["turns"]["speaker"].set(["Ann", None, "Ben, or not"])
    database.save(tmp_path, storage_format="csv")

    assert loads((tmp_path / "db.turns.csv").read_text("utf-8")) == [
        Dialogue(
            recording="a.wav",
            audio="a.wav",
            turns=(
                ScoredTurn(turn=Turn(start=0.0, end=1.0, speaker="Ann"), emotion=Emotion()),
                ScoredTurn(
                    turn=Turn(start=1.5, end=86_400.5, speaker="Ben, or not"), emotion=Emotion()
                ),
            ),
        ),
        Dialogue(
            recording="b.wav",
            audio="b.wav",
            turns=(ScoredTurn(turn=Turn(start=0.25, end=2.0), emotion=Emotion()),),
        ),
    ]


@given(start=st.integers(-(10**14), 10**14), length=st.integers(0, 10**14))
def test_times_equal_those_of_pandas(start, length):
    import pandas

    turn = Turn(start=start / 10**9, end=(start + length) / 10**9)
    talk = Dialogue(recording="x", turns=(ScoredTurn(turn=turn, emotion=Emotion()),))
    _, written = dumps([talk]).splitlines()

    assert pandas.Timedelta(written.split(",")[1]).value == start
    assert pandas.Timedelta(written.split(",")[2]).value == start + length
    assert loads(dumps([talk])) == [talk]


def test_a_recording_without_audio_keeps_its_name():
    talk = Dialogue(recording="talk", turns=(ANGRY,))

    assert dumps([talk]).splitlines()[1].startswith("talk,0 days 00:00:06.690000,")
    assert loads(dumps([talk])) == [talk]


def test_times_may_be_seconds():
    [talk] = loads(a_table("file,start,end", "a.wav,0.5,0 days 00:00:02", "a.wav,1,2 days"))

    assert [(each.turn.start, each.turn.end) for each in talk.turns] == [
        (0.5, 2.0),
        (1.0, 172_800.0),
    ]


def test_unknown_columns_are_dropped_with_a_warning():
    with pytest.warns(Emo2vecWarning, match="columns: 'transcript'$"):
        [talk] = loads(a_table("file,start,end,transcript", "a.wav,0,1,hello"))
    assert len(talk.turns) == 1


def test_a_flag_with_a_space_is_an_error():
    odd = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(flags=("too loud",)))

    with pytest.raises(FormatError, match="too loud"):
        dumps([Dialogue(recording="x", turns=(odd,))])


def test_a_nan_score_is_an_error():
    odd = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(label="sad", score=float("nan")))

    with pytest.raises(FormatError, match=r"emotion_score.*nan"):
        dumps([Dialogue(recording="x", turns=(odd,))])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,emotion"], "audformat.* start, end, .*'file', 'emotion'"),
        (["file,start,end,end"], "duplicate.*: 'end'$"),
        (["file,start,end", "a.wav,0"], "line 2: .*3 cells.*2"),
        (["file,start,end", ",0,1"], "line 2: .*file"),
        (["file,start,end", "a.wav,0 days,"], "line 2: .*time as end.*''"),
        (["file,start,end", "a.wav,0 days,NaT"], "line 2: .*time as end.*'NaT'"),
        (["file,start,end", "a.wav,2,1"], "line 2: .*start <= end"),
        (["file,start,end,emotion_score", "a.wav,1,2,high"], "line 2: emotion_score: .*'high'"),
        (
            ["file,start,end,recording", "a.wav,1,2,x", "b.wav,1,2,x"],
            "line 3: .*'a.wav'.*'x'.*'b.wav'",
        ),
    ],
)
def test_a_malformed_segment_is_named(lines, message):
    with pytest.raises(FormatError, match=message):
        loads(a_table(*lines))
