"""The flat table as CSV and Parquet: exact values, checked with other readers."""

from __future__ import annotations

import io
import math

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.formats import hard
from support.tables import ANGRY, QUIET, TALK

from emo2vec_plugins import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.errors import Emo2vecWarning, FormatError
from emo2vec_plugins.formats import without_formula
from emo2vec_plugins.formats.tables import csv as table_csv
from emo2vec_plugins.formats.tables import parquet as table_parquet
from emo2vec_plugins.formats.tables.csv import TABLE_CSV, line, records
from emo2vec_plugins.formats.tables.parquet import TABLE_PARQUET

both = pytest.mark.parametrize("format_", [TABLE_CSV, TABLE_PARQUET], ids=lambda each: each.name)


def a_table(*lines):
    return "".join(f"{each}\n" for each in lines)


def test_a_turn_is_a_line():
    assert table_csv.dumps([TALK, QUIET]) == a_table(
        "recording,turn,start,end,speaker,channel,channels,emotion,score,score_angry,score_sad,"
        "flags,reason,scored_seconds,overlap_ratio,doubt,audio,recording_duration,"
        "logit_angry,logit_sad,model,sha256,revision,resampler,dtype,version,tokens,trust",
        'talk,0,6.69,7.12,"Ann ""A""",0,,angry,0.75,0.75,0.25,'
        "short overlapped,,0.43,0.5,,talk.wav,30.0,"
        '1.5,0.4,tiny,ab,,,float32,0.1.0,"[""生气/angry"", ""a b""]","a demo, no more"',
        'talk,1,8.0,8.5,"",,0 1,,,,,,no audio,0.0,,,talk.wav,30.0,,,,,,,,,,',
        "quiet,,,,,,,,,,,,,,,,,,,,,,,,,,,",
    )


@both
def test_everything_except_arrays_is_read_back(format_):
    assert format_.loads(format_.dumps([TALK, QUIET])) == [TALK, QUIET]


@both
@given(start=st.floats(-1e6, 1e6), length=st.floats(0, 1e6))
def test_times_are_exact(format_, start, length):
    turn = Turn(start=start, end=start + length)
    talk = Dialogue(recording="x", turns=(ScoredTurn(turn=turn, emotion=Emotion()),))

    assert format_.loads(format_.dumps([talk])) == [talk]


@both
def test_numbers_may_be_numpy_scalars(format_):
    emotion = Emotion(label="sad", score=np.float32(0.5), scores={"sad": np.float64(0.5)})
    turn = Turn(start=np.float64(0.1), end=np.float32(0.5), channel=np.int64(3))
    talk = Dialogue(recording="x", turns=(ScoredTurn(turn=turn, emotion=emotion),))

    assert format_.loads(format_.dumps([talk])) == [talk]


@both
def test_no_dialogues_are_an_empty_table(format_):
    assert format_.loads(format_.dumps([])) == []


@both
def test_duplicate_recording_names_are_an_error(format_):
    with pytest.raises(FormatError, match="2 recordings 'talk'"):
        format_.dumps([TALK, TALK])


@both
def test_a_nan_is_an_error(format_):
    odd = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(label="sad", score=math.nan))

    with pytest.raises(FormatError, match=r"'x', turn 0: .*score.*nan"):
        format_.dumps([Dialogue(recording="x", turns=(odd,))])


def test_the_character_nul_is_an_error():
    with pytest.raises(FormatError, match="NUL"):
        table_csv.dumps([Dialogue(recording="a\0b")])


@pytest.mark.parametrize("name", ["recording", "class"])
def test_a_lone_surrogate_is_an_error(name):
    emotion = Emotion(scores={"a\ud800": 1.0} if name == "class" else {})
    turn = ScoredTurn(turn=Turn(start=0, end=1), emotion=emotion)
    talk = Dialogue(recording="a\ud800" if name == "recording" else "a", turns=(turn,))

    with pytest.raises(FormatError, match="lone surrogate"):
        table_parquet.dumps([talk])


def test_a_flag_with_a_space_is_an_error_in_csv():
    odd = ScoredTurn(turn=Turn(start=0, end=1), emotion=Emotion(flags=("too loud",)))

    with pytest.raises(FormatError, match="too loud"):
        table_csv.dumps([Dialogue(recording="x", turns=(odd,))])


def test_pandas_reads_the_csv():
    import pandas

    frame = pandas.read_csv(io.StringIO(table_csv.dumps([TALK])))

    assert frame["start"].tolist() == [6.69, 8.0]
    assert frame["turn"].tolist() == [0, 1]
    assert frame["speaker"].tolist()[0] == 'Ann "A"'
    assert frame["score_sad"].dtype == "float64"
    assert frame.groupby("recording")["scored_seconds"].sum()["talk"] == 0.43


def test_csv_written_by_pandas_is_read():
    import pandas

    frame = pandas.read_csv(io.StringIO(table_csv.dumps([TALK, QUIET])))
    text = frame.sort_values("score_sad", ascending=False).to_csv(index=False)

    [talk, quiet] = table_csv.loads(text)

    assert talk.turns[0] == ANGRY
    assert talk.turns[1].turn == Turn(
        start=8.0, end=8.5, channel=(0, 1)
    )  # pandas reads "" as missing
    assert quiet == QUIET


@given(dialogues=hard)
def test_pyarrow_distinguishes_empty_and_missing_strings_in_the_csv(dialogues):
    table = pyarrow.csv.read_csv(
        io.BytesIO(table_csv.dumps(dialogues).encode()),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={"speaker": pyarrow.string(), "recording": pyarrow.string()},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )

    [talk] = dialogues
    speakers = [scored.turn.speaker for scored in talk.turns]
    assert table["speaker"].to_pylist() == [each and without_formula(each) for each in speakers]
    assert table["start"].to_pylist() == [scored.turn.start for scored in talk.turns]


def test_csv_written_by_spreadsheets_is_read():
    text = a_table(
        "recording;start;end;speaker;emotion;score",
        "x;0,5;1;Ann;sad;0,75",
        'x;1;2,25;"Ben; or not";;',
        ";;;;;",
    ).replace("\n", "\r\n")

    [talk] = table_csv.loads(text)

    assert talk.turns == (
        ScoredTurn(
            turn=Turn(start=0.5, end=1.0, speaker="Ann"), emotion=Emotion(label="sad", score=0.75)
        ),
        ScoredTurn(turn=Turn(start=1.0, end=2.25, speaker="Ben; or not"), emotion=Emotion()),
    )
    assert table_csv.loads(text.replace(";", "\t").replace("Ben\t", "Ben;")) == [talk]


def test_the_separator_is_found_despite_quoted_column_names():
    assert (
        table_csv.loads('"recording";"start";"end"\n"x";"0,5";"1"\n')[0].turns[0].turn.start == 0.5
    )


def test_turns_are_sorted_by_their_number():
    text = a_table("end,start,turn,recording", "9,8,2,x", "2,1,0,y", "1,0,0,x", "5,4,1,x")

    [x, y] = table_csv.loads(text)

    assert [scored.turn.start for scored in x.turns] == [0.0, 4.0, 8.0]
    assert y.recording == "y"


def test_rows_without_turn_numbers_keep_their_order():
    text = a_table("recording,turn,start,end", "x,1,8,9", "x,,4,5", "x,0,0,1")

    assert [scored.turn.start for scored in table_csv.loads(text)[0].turns] == [8.0, 4.0, 0.0]


def test_unknown_columns_are_dropped_with_a_warning():
    with pytest.warns(Emo2vecWarning, match="columns: '', 'comment'$"):
        [talk] = table_csv.loads(a_table(",recording,start,end,comment", "0,x,1,2,loud"))
    assert len(talk.turns) == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["speaker,start,end"], "recording, start, end.* recording, .*'speaker', 'start', 'end'"),
        ([""], "missing recording, start, end"),
        (["recording,start,end,end"], "duplicate.*: 'end'$"),
        (["recording,start,end", "x,0"], "line 2: .*3 cells.*2"),
        (["recording,start,end", "x,soon,1"], "line 2: start: .*finite.*'soon'"),
        (["recording,start,end", "x,0,inf"], "line 2: end: .*finite.*'inf'"),
        (["recording,start,end", "x,,1"], "line 2: .*start"),
        (["recording,start,end", ",0,1"], "line 2: .*recording"),
        (["recording,start,end", "x,2,1"], "line 2: .*start <= end"),
        (["recording,start,end", '"x\ny",0,1', "x,0,z"], "line 4: end: .*finite.*'z'"),
        (["recording,start,end", '"x\n', "x,0,1"], "line 2: .*quotation mark"),
        (["recording,start,end", '"x"y,0,1'], "line 2: .*quotation mark"),
        (["recording,turn,start,end", "x,0.5,0,1"], "line 2: turn: .*'0.5'"),
        (["recording,turn,start,end", "x,0,0,1", "x,0,1,2"], "line 3: .*'x'.*turn 0.*line 2"),
        (["recording,start,end,tokens", "x,0,1,[1]"], "line 2: tokens: .*JSON.*1"),
        (["recording,start,end,audio", "x,0,1,a", "x,1,2,b"], "line 3: .*'a' as audio.*'b'"),
    ],
)
def test_a_malformed_table_is_named(lines, message):
    with pytest.raises(FormatError, match=message):
        table_csv.loads(a_table(*lines))


cells = st.none() | st.text(st.characters(exclude_categories=["Cs"]))


@given(table=st.lists(st.lists(cells, min_size=1, max_size=3), max_size=3))
def test_cells_are_read_as_they_were_written(table):
    text = "".join(line(row) for row in table)

    expected = [row for row in table if any(cell is not None for cell in row)]
    assert [row for _, row in records(text)] == expected


def test_all_line_ends_are_accepted():
    text = 'a,b\r\n"1\r\n2",c\rd,e\n\nf,""'

    assert list(records(text)) == [
        (1, ["a", "b"]),
        (2, ["1\r\n2", "c"]),
        (4, ["d", "e"]),
        (6, ["f", ""]),
    ]
