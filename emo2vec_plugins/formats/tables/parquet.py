"""The flat table of turns as Parquet, for large data in DuckDB, pandas and R.

The columns are those of the CSV table: doubles, 64-bit integers, strings, and lists of these for
flags, channels and the model's tokens. pyarrow is imported when a file is written or read.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Dialogue, Format, import_extra
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import MOST_EXPANSION, beyond_limit, read_limit
from emo2vec_plugins.formats.fidelity import FIELDS
from emo2vec_plugins.formats.tables.flat import Found, columns, dialogues, kind_of, rows

if TYPE_CHECKING:
    import pyarrow

_ROWS, _BATCH_BYTES = 4096, 512 << 20
"""Most rows that are read at once, and most bytes of one of their columns."""


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
    rows = _rows_at_once(head.metadata, most)
    # Texts stay in dictionaries: repeated in each row, they could be much larger than the file.
    texts = [
        name
        for name in ours
        if str(head.schema_arrow.field(name).type).endswith(("string", "binary"))
    ]
    file = parquet.ParquetFile(io.BytesIO(data), read_dictionary=texts, **limits)
    cells: dict[str, list[Any]] = {name: [] for name in ours}
    for batch in file.iter_batches(rows, columns=ours):
        most -= batch.nbytes
        if most < 0:
            raise beyond_limit("the table")
        for name in ours:
            cells[name] += _values(batch.column(name), name, arrow)
    return names, cells


def _rows_at_once(metadata: Any, most: int) -> int:
    """Return how many rows to read at once, after a check of the sizes that a file states."""
    stated, longest = 0, 1
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            # A value that repeats the one before takes almost no space in the file.
            stated += max(column.total_uncompressed_size, column.num_values * 8)
            if "." in column.path_in_schema:  # a list, whose texts are copied to each row
                longest = max(longest, column.total_uncompressed_size)
    if stated > most:
        raise beyond_limit("the table")
    return max(1, min(_ROWS, _BATCH_BYTES // longest))


def _values(column: Any, name: str, arrow: Any) -> list[Any]:
    if not isinstance(column, arrow.DictionaryArray):
        return _typed(column, name, arrow).to_pylist()  # type: ignore[no-any-return]
    texts = _typed(column.dictionary, name, arrow).to_pylist()
    return [None if index is None else texts[index] for index in column.indices.to_pylist()]


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
        raise FormatError(f"column {name!r}: {found}: {error}") from error


TABLE_PARQUET = Format(
    name="table.parquet",
    suffixes=(".emotions.parquet",),
    description="the same table as Parquet, for large data; only arrays are lost (extra: table)",
    dumps=dumps,
    loads=loads,
    binary=True,
    holds=frozenset(FIELDS),
)
