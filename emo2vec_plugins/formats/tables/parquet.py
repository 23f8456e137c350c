"""The flat table of turns as Parquet, for large data in DuckDB, pandas and R.

The columns are those of the CSV table: doubles, 64-bit integers, strings, and lists of these for
flags, channels and the model's tokens. pyarrow is imported when a file is written or read.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Dialogue, Format, import_extra, shown
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import MOST_EXPANSION, beyond_limit, read_limit
from emo2vec_plugins.formats.fidelity import FIELDS
from emo2vec_plugins.formats.tables.flat import Found, columns, dialogues, kind_of, rows

if TYPE_CHECKING:
    import pyarrow

_ROWS = 4096
"""Most rows that are read at once."""


def dumps(given: Sequence[Dialogue]) -> bytes:
    """Return a Parquet file.

    Raises:
        FormatError: If two recordings have the same name, a number is NaN or infinite, or a name
            contains lone surrogates.
        MissingExtraError: If the extra ``table`` is not installed.
    """
    arrow = _pyarrow()
    from pyarrow import parquet

    sink = io.BytesIO()
    try:
        schema = arrow.schema([(name, _type(name, arrow)) for name in columns(given)])
        parquet.write_table(arrow.Table.from_pylist(list(rows(given)), schema=schema), sink)
    except UnicodeEncodeError as error:
        raise FormatError("Parquet cannot store a lone surrogate, found in a name") from error
    return sink.getvalue()


def loads(data: bytes) -> list[Dialogue]:
    """Return the dialogues of a Parquet file; NaN is a missing value, as in pandas.

    Raises:
        FormatError: If the data is not such a table; names the column or the row.
        MissingExtraError: If the extra ``table`` is not installed.
    """
    arrow = _pyarrow()
    try:
        names, cells = _read(data, arrow)
    except (arrow.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        raise FormatError(f"expected an intact Parquet file: {error!s:.200}") from error
    # NaN is the only value that does not equal itself.
    present = (
        [x if x == x else None for x in values] for values in zip(*cells.values(), strict=True)
    )
    found = (
        Found(where=f"row {number}", row=dict(zip(cells, values, strict=True)))
        for number, values in enumerate(present, 1)
    )
    return dialogues(found, names)


def _read(data: bytes, arrow: Any) -> tuple[list[str], dict[str, list[Any]]]:
    """Return the names of all columns, and the cells of the known ones."""
    from pyarrow import parquet

    limits = {f"thrift_{kind}_size_limit": max(1000, len(data)) for kind in ("string", "container")}
    head = parquet.ParquetFile(io.BytesIO(data), **limits)
    names: list[str] = head.schema_arrow.names
    # pyarrow cannot look up a duplicate name; `dialogues` raises an error that names it.
    ours = [name for name, count in Counter(names).items() if count == 1 and kind_of(name)]
    most = max(read_limit(), MOST_EXPANSION * len(data))
    if _stated_size(head.metadata) > most:
        raise beyond_limit("the table")
    # Texts stay in dictionaries: repeated in each row, they could be much larger than the file.
    leaves = [head.schema.column(place) for place in range(len(head.schema))]
    texts = [each.path for each in leaves if each.physical_type == "BYTE_ARRAY"]
    file = parquet.ParquetFile(io.BytesIO(data), read_dictionary=texts, **limits)
    cells: dict[str, list[Any]] = {name: [] for name in ours}
    for batch in file.iter_batches(_ROWS, columns=ours):
        most -= batch.nbytes
        if most < 0:
            raise beyond_limit("the table")
        for name in ours:
            cells[name] += _values(batch.column(name), name, arrow)
    return names, cells


def _stated_size(metadata: Any) -> int:
    """Return the bytes of a table after decompression, as the file states them."""
    # Only of groups: pyarrow aborts the process when it looks at some damaged columns. A value
    # that repeats the one before takes almost no space in the file.
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    return sum(
        max(each.total_byte_size, 8 * each.num_rows * metadata.num_columns) for each in groups
    )


def _values(column: Any, name: str, arrow: Any) -> list[Any]:
    """Return the cells of a column; equal texts are one object."""
    if isinstance(column, arrow.DictionaryArray):
        texts = _typed(column.dictionary, name, arrow).to_pylist()
        return [None if place is None else texts[place] for place in column.indices.to_pylist()]
    if isinstance(column, arrow.ListArray) and isinstance(column.values, arrow.DictionaryArray):
        texts = column.values.dictionary.cast(arrow.string()).to_pylist()
        return [
            None if each is None else [None if x is None else texts[x] for x in each]
            for each in _indices(column, arrow).to_pylist()
        ]
    return _typed(column, name, arrow).to_pylist()  # type: ignore[no-any-return]


def _indices(column: Any, arrow: Any) -> Any:
    values = column.values.indices
    return arrow.ListArray.from_arrays(column.offsets, values, mask=column.is_null())


def _pyarrow() -> Any:
    otherwise = "use table.csv, which stores the same"
    return import_extra("pyarrow", extra="table", purpose="Parquet", otherwise=otherwise)


def _type(name: str, arrow: Any) -> Any:
    types = {
        "text": arrow.string(),
        "number": arrow.float64(),
        "count": arrow.int64(),
        "counts": arrow.list_(arrow.int64()),
    }
    return types.get(kind_of(name) or "text", arrow.list_(arrow.string()))


def _typed(column: pyarrow.Array, name: str, arrow: Any) -> Any:
    try:
        return column.cast(_type(name, arrow))
    except arrow.ArrowException as error:
        found = f"expected {_type(name, arrow)}, found {column.type}"
        raise FormatError(f"column {shown(name)}: {found}: {error}") from error


TABLE_PARQUET = Format(
    name="table.parquet",
    suffixes=(".emotions.parquet",),
    description="the same table as Parquet, for large data; only arrays are lost (extra: table)",
    dumps=dumps,
    loads=loads,
    binary=True,
    holds=frozenset(FIELDS),
)
