"""Streamed data sets of Hugging Face: batches of rows get their new columns as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Plugins, Scorer, annotate, raise_error
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.integrations.huggingface.columns import check_columns, table_of
from emo2vec_plugins.integrations.huggingface.rows import DatasetOptions, DatasetRow, features_of

if TYPE_CHECKING:
    from datasets import IterableDataset

BATCH_ROWS = 64
"""Rows of a stream that are read and scored together."""


def streamed(
    dataset: IterableDataset,
    score: Scorer,
    *,
    options: DatasetOptions,
    plugins: Plugins | None,
    batch_rows: int,
) -> IterableDataset:
    """Return a stream with new columns, whose shards and whose other features are as they were.

    Raises:
        OptionsError: If a column is not there, or is there already, or no classes are named.
    """
    if not options.classes:
        raise OptionsError("the scorer does not say its classes: DatasetOptions(classes=...)")
    if dataset.features is not None:
        check_columns(list(dataset.features), options)
    annotator = _Annotator(score, options, plugins)
    is_arrow = _is_arrow(dataset)
    stream, original = _undecoded(dataset, options.column, is_arrow=is_arrow)
    stream = stream.with_format("arrow" if is_arrow else None).map(
        annotator.table if is_arrow else annotator.batch,
        batched=True,
        batch_size=batch_rows,
        features=_features(stream, options),
    )
    formatting = getattr(dataset, "_formatting", None)
    stream = stream.with_format(getattr(formatting, "format_type", None))
    return stream if original is None else stream.cast_column(options.column, original)


def _undecoded(dataset: IterableDataset, column: str, *, is_arrow: bool) -> tuple[Any, Any]:
    """Return a stream whose audio is given as it is stored, and the feature that the audio had."""
    from datasets import Audio, Value

    original = None if dataset.features is None else dataset.features[column]
    if not isinstance(original, Audio):
        return dataset, None
    # Audio(decode=False) needs torchcodec, too, where a stream is of Python objects. Those pass
    # through a binary value as they are, be they paths, bytes or both.
    plain: Any = Value("binary")
    if is_arrow:
        plain = {"bytes": Value("binary"), "path": Value("string")}
    return dataset.cast_column(column, plain), original


def _features(stream: IterableDataset, options: DatasetOptions) -> Any:
    """Return the features of a stream and of its new columns; None where they are not known."""
    from datasets import Features

    if stream.features is None:
        return None
    new = features_of(options)
    old = {name: feature for name, feature in stream.features.items() if name not in new}
    return Features(old | new)


def _is_arrow(dataset: IterableDataset) -> bool:
    # The library makes Arrow tables of Python objects wrongly, and Python objects of Arrow tables
    # slowly: a stream keeps its kind. Where that is not known, Python objects are always right.
    examples = getattr(dataset, "_ex_iterable", None)
    return getattr(examples, "iter_arrow", None) is not None


class _Annotator:
    """Gives batches of a stream their new columns."""

    def __init__(self, score: Scorer, options: DatasetOptions, plugins: Plugins | None) -> None:
        self._score = score
        self._options = options
        self._plugins = plugins

    def table(self, table: Any) -> Any:
        """Return a ``pyarrow.Table`` with the new columns."""
        check_columns(table.column_names, self._options)
        more = self._scored(table.select(list(set(self._options.columns))).to_pylist())
        table = table.drop_columns([n for n in more.column_names if n in table.column_names])
        for name in more.column_names:
            table = table.append_column(more.schema.field(name), more[name])
        return table

    def batch(self, columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """Return the new columns of a batch, as lists."""
        check_columns(list(columns), self._options)
        named = {name: columns[name] for name in self._options.columns}
        rows = [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]
        more: dict[str, list[Any]] = self._scored(rows).to_pydict()
        return more

    def _scored(self, rows: list[dict[str, Any]]) -> Any:
        sources = [DatasetRow(values=row, options=self._options) for row in rows]
        found = annotate(sources, score=self._score, plugins=self._plugins, failed=raise_error)
        return table_of(list(found), self._options)
