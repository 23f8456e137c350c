"""The flat table as Parquet: typed columns, and files of other tools."""

from __future__ import annotations

import contextlib
import io
import math
import sys

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from support.facts import assert_facts
from support.tables import QUIET, TALK

from emo2vec_plugins import Turn
from emo2vec_plugins.errors import FormatError, MissingExtraError
from emo2vec_plugins.formats.tables import parquet as table_parquet


def as_table(data):
    return pyarrow.parquet.read_table(io.BytesIO(data))


def as_parquet(**columns):
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue()


def test_parquet_has_types():
    table = as_table(table_parquet.dumps([TALK]))

    assert table.schema.field("recording").type == pyarrow.string()
    assert table.schema.field("turn").type == pyarrow.int64()
    assert table.schema.field("start").type == pyarrow.float64()
    assert table.schema.field("score_angry").type == pyarrow.float64()
    assert table["flags"].to_pylist() == [["short", "overlapped"], None]
    assert table["channel"].to_pylist() == [0, None]
    assert table["channels"].to_pylist() == [None, [0, 1]]
    assert table["speaker"].to_pylist() == ['Ann "A"', ""]
    assert table["tokens"].to_pylist() == [["生气/angry", "a b"], None]


@pytest.mark.parametrize("engine", ["numpy_nullable", "pyarrow"])
def test_parquet_written_by_pandas_is_read(engine):
    import pandas

    data = table_parquet.dumps([TALK, QUIET])
    frame = pandas.read_parquet(io.BytesIO(data), dtype_backend=engine)

    assert table_parquet.loads(frame[::-1].to_parquet(index=False)) == [QUIET, TALK]


def test_parquet_of_other_types_is_read():
    data = as_parquet(
        recording=pyarrow.array(["x", "x"]).dictionary_encode(),
        start=pyarrow.array([0, 1]),
        end=pyarrow.array([1.0, 2.0], pyarrow.float32()),
        speaker=pyarrow.array([7, None]),
        score=pyarrow.array([0.5, math.nan]),
    )

    [talk] = table_parquet.loads(data)

    assert [scored.turn for scored in talk.turns] == [
        Turn(start=0, end=1, speaker="7"),
        Turn(start=1, end=2),
    ]
    assert [scored.emotion.score for scored in talk.turns] == [0.5, None]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"recording": ["x"], "start": [0.0]}, "missing end, .*'recording', 'start'"),
        ({"recording": ["x"], "start": ["a"], "end": [1.0]}, "column 'start': .*double.*string"),
        ({"recording": ["x"], "start": [2.0], "end": [1.0]}, "row 1: .*start <= end"),
        ({"recording": [None], "start": [0.0], "end": [1.0]}, "row 1: .*recording"),
    ],
)
def test_parquet_with_other_columns_is_an_error(columns, message):
    with pytest.raises(FormatError, match=message):
        table_parquet.loads(as_parquet(**columns))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"recording,start,end\n",
        table_parquet.dumps([TALK])[:-100],
        table_parquet.dumps([TALK]).replace(b"talk.wav", b"talk\xff\xffav"),
    ],
)
def test_damaged_parquet_is_an_error(data):
    with pytest.raises(FormatError, match="Parquet"):
        table_parquet.loads(data)


def test_a_missing_pyarrow_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtraError, match=r"\[table\].*table\.csv"):
        table_parquet.dumps([TALK])


@pytest.mark.parametrize(
    ("columns", "bytes_"),
    [
        ({"recording": ["a"] * 10**5, "start": [0.0] * 10**5, "end": [1.0] * 10**5}, 10**6),
        ({"recording": ["a"], "start": [0], "end": [1], "audio": ["x" * 10**6]}, 10**5),
    ],
    ids=["rows", "text"],
)
def test_a_small_file_of_a_large_table_is_refused(columns, bytes_, monkeypatch):
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink, compression="zstd")
    monkeypatch.setenv("EMO2VEC_READ_LIMIT", str(bytes_))
    monkeypatch.setattr(table_parquet, "MOST_EXPANSION", 1)

    with pytest.raises(FormatError) as error:
        table_parquet.loads(sink.getvalue())
    assert_facts(str(error.value), "--read-limit")


def test_a_repeated_text_is_in_memory_once():
    columns = {"recording": ["a"] * 9, "start": [0] * 9, "end": [1] * 9, "speaker": ["x" * 999] * 9}
    columns |= {"flags": [["y" * 99] * 2] * 7 + [None, [None]]}
    columns["flags"][-1] = []

    (dialogue,) = table_parquet.loads(as_parquet(**columns))

    assert len({id(scored.turn.speaker) for scored in dialogue.turns}) == 1
    flags = [scored.emotion.flags for scored in dialogue.turns]
    assert flags == [("y" * 99,) * 2] * 7 + [()] * 2
    assert len({id(flag) for each in flags for flag in each}) == 1


def test_a_changed_byte_is_read_or_refused():
    """pyarrow ends the process when it looks at the statistics of some damaged columns."""
    data = as_parquet(recording=["a"] * 3, start=[0.0] * 3, end=[1.0] * 3, flags=[["x"]] * 3)

    for place in range(len(data) // 2, len(data), 3):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        with contextlib.suppress(FormatError):
            table_parquet.loads(bytes(damaged))
