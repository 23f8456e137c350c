"""Annotation of Hugging Face ``datasets``, with emotions as new columns.

For a dataset on disk, only the new columns are written, to a separate file. The result of a stream
is a stream, whose rows are scored when they are read.
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

READ_ROWS = 8
"""Rows of a dataset that are in memory at a time, with the bytes of their audio."""

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
    """Return a copy of a dataset with emotions as new columns.

    The columns are ``emotion``, ``emotion_score``, ``emotion_scores`` (a number for each class),
    ``emotion_flags``, ``emotion_reason``, ``emotion_overlap_ratio``, ``emotion_model`` and, on
    request, ``emotion_embedding``. A row without readable audio gets no label, but a reason.

    Args:
        dataset: A ``Dataset``, an ``IterableDataset``, or a dict of splits of either. The result
            of a stream is a stream: nothing is read before you iterate over it.
        score: An `Engine` or another `Scorer`.
        column: Name of the column with the audio: an ``Audio`` feature, paths, or bytes.
        start: Name of a column with the start of each row in its audio, in seconds.
        end: Name of a column with the end of each row in its audio, in seconds.
        turns: Name of a column with the turns of each row, a list of
            ``{"start": ..., "end": ..., "speaker": ...}``. The new columns are then lists, too.
        options: *field* is the prefix of the columns. Existing columns are replaced only with
            *overwrite*.
        plugins: The installed plugins by default.
        folder: Folder for the new columns of a ``Dataset``. If None, a temporary folder, which is
            removed when the process ends.
        batch_rows: Rows of a stream that are read and scored together.

    Raises:
        SourceError: If *dataset* is of another type.
        OptionsError: If a column is missing, a new column already exists, or the options request
            frames.
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
        raise SourceError(f"expected a Dataset, got {type(source).__name__}; use annotate_dataset")
    return None


class DatasetSession:
    """The rows of a dataset, in order. New columns are written while rows are scored."""

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
        """Store the emotion of a clip. All rows before that of the clip are complete."""
        # Clips arrive in order, so earlier rows are complete, also those without clips.
        session, own = clip.key
        while self._open[0] is not session:
            self._columns.add(self._open.popleft().finish())
        session.take(own, emotion)

    def finish(self) -> Dataset:
        """Return the dataset with its new columns."""
        while self._open:
            self._columns.add(self._open.popleft().finish())
        return _beside(self._dataset, self._columns.close())

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows in their stored form: to decode a feature, the library may open URLs."""
        named = self._dataset.select_columns(list(set(self._options.columns)))
        for table in named.with_format("arrow").iter(READ_ROWS):
            yield from table.to_pylist()


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
        # Arguments other than the defaults replace these options.
        defaults = {each.name: each.default for each in fields(DatasetOptions)}
        return replace(options, **{name: v for name, v in more.items() if v != defaults[name]})
    given = {each.name: getattr(options, each.name) for each in fields(Options)}
    return DatasetOptions(**given | more)


def _beside(dataset: Dataset, more: Dataset) -> Dataset:
    """Join the columns of two datasets of equal length, in the format of the first."""
    from datasets import Dataset, Features, concatenate_datasets

    form = dataset.format
    if len(dataset):
        joined = concatenate_datasets([dataset.with_format(None), more], axis=1)
    else:  # the library does not join datasets without rows
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
    """Return a stream of Python objects with new columns. Shards and features are unchanged.

    Raises:
        OptionsError: If a column is missing, a new column already exists, or the classes are
            unknown.
    """
    options = annotator.options
    if not options.classes:
        raise OptionsError("the scorer has no labels; pass DatasetOptions(classes=...)")
    if dataset.features is not None:
        check_columns(list(dataset.features), options)
    stream, original = _undecoded(dataset, options.column)
    stream = stream.with_format(None).map(
        annotator, batched=True, batch_size=batch_rows, features=_features(stream, options)
    )
    return stream if original is None else stream.cast_column(options.column, original)


def _undecoded(dataset: IterableDataset, column: str) -> tuple[Any, Any]:
    """Return a stream that does not decode audio, and the original feature of the audio."""
    from datasets import Audio

    from emo2vec_plugins.integrations.huggingface.stored_audio import StoredAudio

    original = None if dataset.features is None else dataset.features[column]
    if not isinstance(original, Audio):
        return dataset, None
    return dataset.cast_column(column, StoredAudio(decode=False)), original


def _features(stream: IterableDataset, options: DatasetOptions) -> Any:
    """Return the features of a stream and its new columns, or None if they are unknown."""
    from datasets import Features

    if stream.features is None:
        return None
    new = features_of(options)
    old = {name: feature for name, feature in stream.features.items() if name not in new}
    return Features(old | new)


class _Annotator:
    """Adds new columns to batches of a stream."""

    def __init__(self, score: Scorer, options: DatasetOptions, plugins: Plugins | None) -> None:
        self._annotate = partial(annotate, score=score, plugins=plugins, failed=raise_error)
        self.options = options

    def __call__(self, columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """Return the new columns of a batch, as lists."""
        check_columns(list(columns), self.options)
        named = {name: columns[name] for name in self.options.columns}
        rows = [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]
        more: dict[str, list[Any]] = self._scored(rows).to_pydict()
        return more

    def _scored(self, rows: list[dict[str, Any]]) -> Any:
        sources = [DatasetRow(values=row, options=self.options) for row in rows]
        return table_of(list(self._annotate(sources)), self.options)
