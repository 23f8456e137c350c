"""Dialogues as data frames of audformat, audEERING's way to keep annotations, and their columns.

A row is a segment: the index has ``file``, ``start`` and ``end``, times to the nanosecond. The columns
are those of audformat's CSV; see `emo2vec_plugins.formats`. Channels, logits and arrays have no place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Dialogue, Emotion, Options, Provenance, Turn, import_extra
from emo2vec_plugins.errors import FormatError, OptionsError, warn
from emo2vec_plugins.formats import (
    AUDFORMAT_INDEX,
    NANOSECONDS,
    audformat_columns,
    audformat_dialogues,
    audformat_row,
    audformat_values,
    is_audformat_column,
)

if TYPE_CHECKING:
    import audformat
    import pandas as pd

PROVENANCE = "provenance"
"""Key of the model's provenance in the ``meta`` of a rater, which the model is."""

LATEST = 2**63 - 1_000_000
"""Nanoseconds that a Timedelta holds, less some for segments that are there more than once."""

PANDAS = {"text": "string", "number": "float64"}
"""The pandas type of what a column holds."""


def import_audformat() -> Any:
    """Return the library.

    Raises:
        MissingExtraError: If it is not installed.
    """
    return import_extra("audformat", extra="audformat")


def to_frame(
    dialogues: Iterable[Dialogue],
    *,
    field: str = "emotion",
    root: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Return a row for each turn, in order, under a segmented index without duplicates.

    Two turns of one file with the same bounds are two rows all the same: the later one ends a
    nanosecond later, because an index of audformat cannot have a segment twice.

    Args:
        dialogues: Held in memory together.
        field: Name of the column with the label, and what those beside it begin with.
        root: Folder of the database; files below it are named from there.

    Raises:
        FormatError: If two recordings have one name, a turn begins before its file does, or a
            flag has spaces.
    """
    library, pandas = import_audformat(), import_extra("pandas", extra="audformat")
    given = list(dialogues)
    _check(given)
    # In order, and without duplicates.
    segments: dict[tuple[str, int, int], dict[str, Any]] = {}
    for dialogue in given:
        for scored in dialogue.turns:
            row = audformat_row(dialogue, scored, field=field)
            if dialogue.audio is not None and root is not None:
                row["file"] = _below(dialogue.audio, Path(root))
            start, end = _nanoseconds(row["file"], scored.turn)
            # Two speakers may have the same bounds. The end moves, so that starts stay as they are.
            while (row["file"], start, end) in segments:
                end += 1
            segments[row["file"], start, end] = row
    files, *times = zip(*segments, strict=True) if segments else ((), (), ())
    starts, ends = (pandas.to_timedelta(list(each), unit="ns") for each in times)
    index, rows = library.segmented_index(list(files), starts, ends), segments.values()
    emotions = (scored.emotion for each in given for scored in each.turns)
    columns = {"recording": "text", "speaker": "text"} | audformat_columns(emotions, field=field)
    frame: pd.DataFrame = pandas.DataFrame(
        {
            name: pandas.Series([row.get(name) for row in rows], index=index, dtype=PANDAS[kind])
            for name, kind in columns.items()
        },
        index=index,
    )
    return frame


def from_frame(frame: pd.DataFrame, *, field: str = "emotion") -> list[Dialogue]:
    """Return the dialogues in a frame with a segmented index, in order of first mention.

    Args:
        frame: Without missing ends. Columns may be missing, and others are ignored; where there
            is no ``recording``, a file is a recording of its own.
        field: Name of the column with the label.

    Raises:
        FormatError: If the index is not segmented, an end is missing, two files are one
            recording, or a row is not a turn; names the row.
    """
    if not import_audformat().is_segmented_index(frame.index):
        names = ", ".join(map(str, frame.index.names))
        raise FormatError(f"expected an index of {', '.join(AUDFORMAT_INDEX)}, found {names}")
    return audformat_dialogues(_rows(frame), field=field)


def _rows(frame: pd.DataFrame) -> Iterator[tuple[str, Mapping[str, Any]]]:
    columns = {str(name): cells(frame[name]) for name in frame.columns}
    for place, (file, start, end) in enumerate(frame.index):
        where = f"{file}, {start} to {end}"
        if end != end or start != start:  # NaT is the only time that is not itself
            raise FormatError(f"{where}: the segment is open, and its end is not known here")
        row = {name: values[place] for name, values in columns.items()}
        yield where, row | {"file": str(file), "start": seconds(start), "end": seconds(end)}


def seconds(time: Any) -> float:
    """Return a Timedelta in seconds, exactly as near as a float can be."""
    return int(time.value) / NANOSECONDS


def cells(series: pd.Series[Any]) -> list[Any]:
    """Return a column's values, None where one is missing."""
    # NaN, NaT and pandas.NA all stand for a missing value, by the column's type.
    return list(series.astype(object).where(series.notna(), None))


def _nanoseconds(file: str, turn: Turn) -> tuple[int, int]:
    start, end = round(turn.start * NANOSECONDS), round(turn.end * NANOSECONDS)
    if not 0 <= start <= end < LATEST:
        times = f"{turn.start} to {turn.end} s"
        raise FormatError(f"{file}: a segment lies between 0 and 292 years, found {times}")
    return start, end


def _check(dialogues: Sequence[Any]) -> None:
    names: set[str] = set()
    for each in dialogues:
        if not isinstance(each, Dialogue):
            raise FormatError(f"expected a Dialogue, got {type(each).__name__}")
        if each.recording in names:
            raise FormatError(f"two recordings are called {each.recording!r}")
        names.add(each.recording)
    empty = [each.recording for each in dialogues if not each.turns]
    if empty:
        warn(f"recordings without turns have no row: {', '.join(map(repr, empty[:10]))}")


def _below(audio: str, root: Path) -> str:
    """Return a file's name from *root*; one that lies elsewhere keeps its own."""
    try:
        return Path(audio).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return audio


def fill(
    database: audformat.Database, table: audformat.Table, emotions: Sequence[Emotion], *, field: str
) -> None:
    """Give a table the columns of some emotions, in the order of its rows, with schemes and rater.

    Raises:
        FormatError: If the emotions are of several models.
    """
    library = import_audformat()
    # Scores of classes that another model had would stay beside those of this one.
    table.drop_columns(_ours(table, field), inplace=True)
    rows = [audformat_values(emotion, field=field) for emotion in emotions]
    rater = _rater(database, emotions, field)
    # The label's scheme lists the classes; all other columns hold any text or number.
    types = {"text": library.define.DataType.STRING, "number": library.define.DataType.FLOAT}
    classes = dict.fromkeys(name for each in emotions for name in (*each.scores, each.label))
    for name, kind in audformat_columns(emotions, field=field).items():
        labels = [label for label in classes if label is not None] if name == field else []
        known = database.schemes.get(name)
        if known is None or (labels and not known.labels):
            database.schemes[name] = library.Scheme(types[kind], labels=labels or None)
        elif not set(labels) <= set(known.labels_as_list):
            known.replace_labels(list(dict.fromkeys([*known.labels_as_list, *labels])))
        table[name] = library.Column(scheme_id=name, rater_id=rater)
        table[name].set([row.get(name) for row in rows])


def _rater(database: audformat.Database, emotions: Iterable[Emotion], field: str) -> str | None:
    """Add the emotions' model to a database; return its name there."""
    models = {each.provenance for each in emotions if each.provenance is not None}
    if len(models) > 1:
        listed = ", ".join(sorted(each.model for each in models))
        raise FormatError(f"a column has one rater, emotions are of {len(models)} models: {listed}")
    for provenance in models:
        # The same model is the same rater; another one gets a name with a number.
        names = [field, *(f"{field}-{number}" for number in range(2, len(database.raters) + 2))]
        same = [name for name in names if known_model(database.raters.get(name)) == provenance]
        name = (same or [name for name in names if name not in database.raters])[0]
        library = import_audformat()
        database.raters[name] = library.Rater(
            library.define.RaterType.MACHINE,
            description=provenance.model,
            meta={PROVENANCE: provenance.to_dict()},
        )
        return name
    return None


def known_model(rater: audformat.Rater | None) -> Provenance | None:
    """Return the model that a rater is; None if it is not one of ours."""
    with suppress(AttributeError, KeyError, TypeError):  # a rater that somebody else described
        return None if rater is None else Provenance.from_dict(rater.meta[PROVENANCE])
    return None


def refuse_replacing(
    database: audformat.Database, table: str, *, is_new: bool, options: Options
) -> None:
    """Refuse to replace columns unless asked to, and to change what other tables use.

    Args:
        database: Before anything is scored.
        table: Name of the table that gets columns.
        is_new: Whether the table does not exist yet.
        options: Their *field* is the prefix of the columns.

    Raises:
        OptionsError: If a table, column or scheme would be replaced.
    """
    field = options.field
    if is_new and table in database and not options.overwrite:
        raise OptionsError(f"there is a table {table!r} already: Options(overwrite=True)")
    taken = [] if is_new else _ours(database[table], field)
    if taken and not options.overwrite:
        raise OptionsError(
            f"table {table!r} has {', '.join(taken)} already: give into=..., Options(field=...) or "
            "Options(overwrite=True)"
        )
    # Schemes belong to the database: a label more would be one that the annotators did not have.
    others = [name for name in database.tables if name != table]
    for other, column in ((name, each) for name in others for each in database[name].columns):
        made = database[other][column]
        is_used = is_audformat_column(made.scheme_id or "", field=field)
        if is_used and known_model(made.rater) is None:
            where = f"column {column!r} of table {other!r}, which somebody else made"
            raise OptionsError(f"scheme {made.scheme_id!r} is that of {where}: Options(field=...)")


def _ours(table: audformat.Table, field: str) -> list[str]:
    return [name for name in table.columns if is_audformat_column(name, field=field)]
