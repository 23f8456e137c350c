"""The new columns of a Hugging Face data set, written to a file of their own as they come."""

from __future__ import annotations

import atexit
import tempfile
import weakref
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Any

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import Part
from emo2vec_plugins.integrations.huggingface.rows import DatasetOptions, features_of

WRITTEN_ROWS = 512
"""Rows that are held in memory before they are written."""

Values = Mapping[str, Any]


class Columns:
    """Rows of new columns on their way to a file that the library maps into memory.

    Raises:
        OSError: If the folder cannot be written to.
    """

    def __init__(self, options: DatasetOptions) -> None:
        self._options = options
        self._rows: list[Values] = []
        self._writer: Any = None
        folder = _temporary() if options.folder is None else Path(options.folder)
        self._path = folder / f"emotions-{token_hex(8)}.arrow"
        self._part = Part(self._path)
        weakref.finalize(self, self._part.discard)

    def add(self, values: Values) -> None:
        """Add a row.

        Raises:
            OptionsError: If it has a class that the data set has no number for.
        """
        self._rows.append(values)
        # The schema needs the classes, which only a row with scores has: rows wait for one.
        if not self._options.classes:
            found = tuple(scores_in(values, self._options))
            self._options = replace(self._options, classes=found)
        if len(self._rows) >= WRITTEN_ROWS and self._options.classes:
            self._write()

    def close(self) -> Any:
        """Return the rows as a ``Dataset``."""
        from datasets import Dataset

        self._write()
        self._writer.close()
        self._part.seal()
        return Dataset.from_file(str(self._path))

    def _write(self) -> None:
        import pyarrow as pa

        table = table_of(self._rows, self._options)
        if self._writer is None:
            self._writer = pa.ipc.new_stream(str(self._part.path), table.schema)
        self._writer.write_table(table)
        self._rows = []


def table_of(rows: Sequence[Values], options: DatasetOptions) -> Any:
    """Return new rows as a ``pyarrow.Table``, with the library's metadata.

    Raises:
        OptionsError: If a row has a class that is not among those of *options*.
    """
    import pyarrow as pa

    for row in rows:
        unknown = [name for name in scores_in(row, options) if name not in options.classes]
        if unknown:
            raise OptionsError(
                f"got a score for {unknown[0]!r}, expected {', '.join(options.classes)}: "
                "DatasetOptions(classes=...) names all"
            )
    return pa.Table.from_pylist(list(rows), schema=features_of(options).arrow_schema)


def scores_in(values: Values, options: DatasetOptions) -> Iterable[str]:
    """Return the names of the classes that a row has scores for."""
    given = values[f"{options.field}_scores"]
    several = given if isinstance(given, list) else [given]
    return dict.fromkeys(name for scores in several for name in scores or {})


def check_columns(names: Collection[str], options: DatasetOptions) -> None:
    """Refuse to read columns that are missing, and to write those that are there already.

    Raises:
        OptionsError: If there are any.
    """
    missing = [name for name in options.columns if name not in names]
    if missing:
        listed = ", ".join(map(repr, missing))
        raise OptionsError(f"the data set has no column {listed}; it has {', '.join(names)}")
    taken = [name for name in options.new_columns if name in names]
    if taken and not options.overwrite:
        ways = "give Options(field=...) or Options(overwrite=True)"
        raise OptionsError(f"the data set has {', '.join(taken)} already: {ways}")


@cache
def _temporary() -> Path:
    # Gone with the process, not with a data set: those that are made of it map the same file.
    folder = tempfile.TemporaryDirectory(prefix="emo2vec-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return Path(folder.name)
