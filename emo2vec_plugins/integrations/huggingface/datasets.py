"""Data sets of Hugging Face's ``datasets``, with the emotions in their audio as new columns.

Of a data set on disk only the new columns are written, beside the old ones, which stay where they
are. A stream stays a stream: rows are scored as they are asked for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import (
    Clip,
    Emotion,
    Options,
    Plugins,
    Scorer,
    annotate,
    as_options,
    hookimpl,
    raise_error,
)
from emo2vec_plugins.errors import OptionsError, SourceError
from emo2vec_plugins.integrations import is_a
from emo2vec_plugins.integrations.huggingface.rows import (
    Columns,
    DatasetOptions,
    DatasetRow,
    RowSession,
    check_columns,
    features_of,
    table_of,
)

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

BATCH_ROWS = 64
"""Rows of a stream that are read and scored together."""


def annotate_dataset(
    dataset: Any,
    *,
    score: Scorer,
    column: str = "audio",
    start: str | None = None,
    end: str | None = None,
    turns: str | None = None,
    options: Options | None = None,
    plugins: Plugins | None = None,
    folder: str | os.PathLike[str] | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Any:
    """Return a data set with the emotions in its audio as new columns, and the rest as it was.

    The columns are ``emotion``, ``emotion_score``, ``emotion_scores`` (a number for each class),
    ``emotion_flags``, ``emotion_reason``, ``emotion_overlap_ratio``, ``emotion_model`` and, if
    asked for, ``emotion_embedding``. A row without audio, or with audio that cannot be read, has
    no label and a reason.

    Args:
        dataset: A ``Dataset``, an ``IterableDataset``, or a dict of either by split. A stream
            stays one: nothing is read before it is iterated over.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        column: Name of the column with the audio: an ``Audio`` feature, paths, or bytes.
        start: Name of a column with seconds: where in the audio a row begins.
        end: Name of a column with seconds: where in the audio a row ends.
        turns: Name of a column with a list of ``{"start": ..., "end": ..., "speaker": ...}``, the
            turns in the row's audio; the new columns are lists then, too.
        options: *field* is what the columns are called by; columns that are there already are
            replaced only if they say *overwrite*.
        plugins: Those installed, unless given.
        folder: Where the new columns of a ``Dataset`` are written; a temporary folder, which is
            gone when the process ends, if None.
        batch_rows: Rows of a stream that are read and scored together.

    Raises:
        SourceError: If *dataset* is none of these.
        OptionsError: If it has no such column, has one of the new ones already, or frames are
            asked for.
        OSError: If the new columns cannot be written.
    """
    wanted = _options(
        as_options(options),
        column=column,
        start=start,
        end=end,
        turns=turns,
        folder=folder,
        classes=tuple(getattr(getattr(score, "labels", None), "names", ())),
    )
    if is_a(dataset, "datasets", "DatasetDict", "IterableDatasetDict"):
        splits = {
            name: _annotated(split, score, wanted, plugins, batch_rows)
            for name, split in dataset.items()
        }
        return type(dataset)(splits)
    return _annotated(dataset, score, wanted, plugins, batch_rows)


@hookimpl
def emo2vec_open(source: Any, options: Options) -> DatasetSession | RowSession | None:
    """Open a ``Dataset``, or a row of one."""
    if isinstance(source, DatasetRow):
        return RowSession(source.values, source.options)
    if is_a(source, "datasets", "Dataset"):
        return DatasetSession(source, _options(options))
    if is_a(source, "datasets", "IterableDataset", "DatasetDict", "IterableDatasetDict"):
        raise SourceError(f"{type(source).__name__}: goes to annotate_dataset, not to annotate")
    return None


class DatasetSession:
    """The rows of a data set, in order; their columns are written as they come."""

    def __init__(self, dataset: Dataset, options: DatasetOptions) -> None:
        check_columns(dataset.column_names, options)
        taken = [name for name in dataset.column_names if name in options.new_columns]
        self._dataset = dataset.remove_columns(taken)
        self._options = options
        self._columns = Columns(options)
        self._open: deque[RowSession] = deque()

    def clips(self) -> Iterator[Clip]:
        """Yield the clips of all rows."""
        for row in self._rows():
            session = RowSession(row, self._options)
            self._open.append(session)
            for clip in session.clips():
                yield replace(clip, key=(session, clip))

    def take(self, clip: Clip, emotion: Emotion) -> None:
        """Keep the result; rows before that of the clip are complete."""
        # Clips come in order, but rows without clips have no other sign that they are done.
        session, own = clip.key
        while self._open[0] is not session:
            self._columns.add(self._open.popleft().finish())
        session.take(own, emotion)

    def finish(self) -> Dataset:
        """Return the data set with its new columns."""
        while self._open:
            self._columns.add(self._open.popleft().finish())
        return _beside(self._dataset, self._columns.close())

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        from datasets import Audio

        plain = self._dataset.with_format(None).select_columns(list(set(self._options.columns)))
        if isinstance(plain.features[self._options.column], Audio):
            # Changes what the column is called, not what is stored.
            plain = plain.cast_column(self._options.column, Audio(decode=False))
        yield from plain


def _annotated(
    dataset: Any, score: Scorer, options: DatasetOptions, plugins: Plugins | None, batch_rows: int
) -> Any:
    if is_a(dataset, "datasets", "IterableDataset"):
        return _streamed(dataset, _Annotator(score, options, plugins), batch_rows)
    if not is_a(dataset, "datasets", "Dataset"):
        kind = type(dataset).__name__
        raise SourceError(f"expected a Dataset, an IterableDataset or a dict of them, got {kind}")
    [result] = annotate(
        [dataset], score=score, options=options, plugins=plugins, failed=raise_error
    )
    return result


def _options(options: Options, **more: Any) -> DatasetOptions:
    if isinstance(options, DatasetOptions):
        # These hold, unless an argument says otherwise.
        defaults = {each.name: each.default for each in fields(DatasetOptions)}
        return replace(options, **{name: v for name, v in more.items() if v != defaults[name]})
    given = {each.name: getattr(options, each.name) for each in fields(Options)}
    return DatasetOptions(**given | more)


def _beside(dataset: Dataset, more: Dataset) -> Dataset:
    """Return two data sets of as many rows as one, in the format of the first."""
    from datasets import Dataset, Features, concatenate_datasets

    form = dataset.format
    if len(dataset):
        joined = concatenate_datasets([dataset.with_format(None), more], axis=1)
    else:  # the library takes no columns from a data set without rows
        both = Features({**dataset.features, **more.features})
        joined = Dataset.from_dict({name: [] for name in both}, features=both)
    are_all = form["columns"] == dataset.column_names
    return joined.with_format(
        type=form["type"],
        columns=None if are_all else [*form["columns"], *more.column_names],
        output_all_columns=form["output_all_columns"],
        **form["format_kwargs"],
    )


def _streamed(dataset: IterableDataset, annotator: _Annotator, batch_rows: int) -> IterableDataset:
    """Return a stream with new columns, whose shards and whose other features are as they were.

    Raises:
        OptionsError: If a column is not there, or is there already, or no classes are named.
    """
    options = annotator.options
    if not options.classes:
        raise OptionsError("the scorer does not say its classes: DatasetOptions(classes=...)")
    if dataset.features is not None:
        check_columns(list(dataset.features), options)
    # The library makes Arrow tables of Python objects wrongly, and Python objects of Arrow tables
    # slowly: a stream keeps its kind. Where that is not known, Python objects are always right.
    examples = getattr(dataset, "_ex_iterable", None)
    is_arrow = getattr(examples, "iter_arrow", None) is not None
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


class _Annotator:
    """Gives batches of a stream their new columns."""

    def __init__(self, score: Scorer, options: DatasetOptions, plugins: Plugins | None) -> None:
        self._annotate = partial(annotate, score=score, plugins=plugins, failed=raise_error)
        self.options = options

    def table(self, table: Any) -> Any:
        """Return a ``pyarrow.Table`` with the new columns."""
        check_columns(table.column_names, self.options)
        more = self._scored(table.select(list(set(self.options.columns))).to_pylist())
        table = table.drop_columns([n for n in more.column_names if n in table.column_names])
        for name in more.column_names:
            table = table.append_column(more.schema.field(name), more[name])
        return table

    def batch(self, columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """Return the new columns of a batch, as lists."""
        check_columns(list(columns), self.options)
        named = {name: columns[name] for name in self.options.columns}
        rows = [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]
        more: dict[str, list[Any]] = self._scored(rows).to_pydict()
        return more

    def _scored(self, rows: list[dict[str, Any]]) -> Any:
        sources = [DatasetRow(values=row, options=self.options) for row in rows]
        return table_of(list(self._annotate(sources)), self.options)
