"""Conversion of dialogues to data frames of audformat, audEERING's annotation format, and back.

A row is a segment. The index has ``file``, ``start`` and ``end``, in nanoseconds. The columns are
those of the audformat CSV; see `emo2vec_plugins.formats`. Channels, logits and arrays are dropped.
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
"""Key of the provenance in the ``meta`` of a rater. The rater is the model."""

LATEST = 2**63 - 1_000_000
"""Largest time in nanoseconds: the maximum of a Timedelta, minus a margin for equal segments."""

PANDAS = {"text": "string", "number": "float64"}
"""The pandas type of each kind of column."""


def import_audformat() -> Any:
    """Import and return the library.

    Raises:
        MissingExtraError: If audformat is not installed.
    """
    return import_extra("audformat", extra="audformat", purpose="a database of audformat")


def to_frame(
    dialogues: Iterable[Dialogue],
    *,
    field: str = "emotion",
    root: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Return a frame with a row for each turn, in order, and a segmented index.

    An audformat index cannot have duplicates. If two turns of a file have the same bounds, the
    second ends a nanosecond later.

    Args:
        dialogues: Kept in memory together.
        field: Name of the column with the label, and prefix of the other columns.
        root: Folder of the database. Paths of files below it become relative to it.

    Raises:
        FormatError: If two recordings have the same name, a turn starts before the file, or a
            flag has spaces.
    """
    library, pandas = (
        import_audformat(),
        import_extra("pandas", extra="audformat", purpose="a database of audformat"),
    )
    given = list(dialogues)
    _check(given)
    # A dict: in order, and without duplicates.
    segments: dict[tuple[str, int, int], dict[str, Any]] = {}
    for dialogue in given:
        for scored in dialogue.turns:
            row = audformat_row(dialogue, scored, field=field)
            if dialogue.audio is not None and root is not None:
                row["file"] = _below(dialogue.audio, Path(root))
            start, end = _nanoseconds(row["file"], scored.turn)
            # Two speakers may have the same bounds. Starts must not change, so the end moves.
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
    """Return the dialogues of a frame with a segmented index, in order of first mention.

    Args:
        frame: Must have all ends. All columns are optional, and unknown columns are ignored.
            Without the column ``recording``, each file is a recording.
        field: Name of the column with the label.

    Raises:
        FormatError: If the index is not segmented, an end is missing, a recording has two files,
            or a row is not a turn. The message has the row.
    """
    if not import_audformat().is_segmented_index(frame.index):
        names = ", ".join(map(str, frame.index.names))
        raise FormatError(f"expected an index of {', '.join(AUDFORMAT_INDEX)}, found {names}")
    return audformat_dialogues(_rows(frame), field=field)


def _rows(frame: pd.DataFrame) -> Iterator[tuple[str, Mapping[str, Any]]]:
    columns = {str(name): cells(frame[name]) for name in frame.columns}
    for place, (file, start, end) in enumerate(frame.index):
        where = f"{file}, {start} to {end}"
        if end != end or start != start:  # only NaT is not equal to itself
            raise FormatError(f"{where}: expected a start and an end of the segment")
        row = {name: values[place] for name, values in columns.items()}
        yield where, row | {"file": str(file), "start": seconds(start), "end": seconds(end)}


def seconds(time: Any) -> float:
    """Return a Timedelta in seconds, as the nearest float."""
    return int(time.value) / NANOSECONDS


def cells(series: pd.Series[Any]) -> list[Any]:
    """Return the values of a column, with None for missing values."""
    # A missing value is NaN, NaT or pandas.NA, depending on the type of the column.
    return list(series.astype(object).where(series.notna(), None))


def _nanoseconds(file: str, turn: Turn) -> tuple[int, int]:
    start, end = round(turn.start * NANOSECONDS), round(turn.end * NANOSECONDS)
    if not 0 <= start <= end < LATEST:
        times = f"{turn.start} to {turn.end} s"
        raise FormatError(f"{file}: expected a segment between 0 and 292 years, found {times}")
    return start, end


def _check(dialogues: Sequence[Any]) -> None:
    names: set[str] = set()
    for each in dialogues:
        if not isinstance(each, Dialogue):
            raise FormatError(f"expected a Dialogue, got {type(each).__name__}")
        if each.recording in names:
            raise FormatError(f"expected distinct names, got two recordings {each.recording!r}")
        names.add(each.recording)
    empty = [each.recording for each in dialogues if not each.turns]
    if empty:
        warn(f"skipped recordings without turns: {', '.join(map(repr, empty[:10]))}")


def _below(audio: str, root: Path) -> str:
    """Return a path relative to *root*, or unchanged if it is not below *root*."""
    try:
        return Path(audio).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return audio


def fill(
    database: audformat.Database, table: audformat.Table, emotions: Sequence[Emotion], *, field: str
) -> None:
    """Set the columns of a table from *emotions*, one for each row, with schemes and a rater.

    Raises:
        FormatError: If the emotions are from several models.
    """
    library = import_audformat()
    # Drop earlier columns: an earlier model may have had other classes.
    table.drop_columns(_ours(table, field), inplace=True)
    rows = [audformat_values(emotion, field=field) for emotion in emotions]
    rater = _rater(database, emotions, field)
    # The scheme of the label lists the classes. All other schemes allow any text or number.
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
    """Add the model as a rater of the database, and return the name of the rater."""
    models = {each.provenance for each in emotions if each.provenance is not None}
    if len(models) > 1:
        listed = ", ".join(sorted(each.model for each in models))
        raise FormatError(
            f"expected emotions from one model, the rater of their column, got {len(models)}: "
            f"{listed}"
        )
    for provenance in models:
        # Reuse the rater of the same model. Another model gets a name with a number.
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
    """Return the model of a rater, or None for raters that this package did not write."""
    with suppress(AttributeError, KeyError, TypeError):  # meta without our provenance
        return None if rater is None else Provenance.from_dict(rater.meta[PROVENANCE])
    return None


def check_new_columns(
    database: audformat.Database, table: str, *, is_new: bool, options: Options
) -> None:
    """Check that no existing table, column or scheme would be replaced unintentionally.

    Args:
        database: The database, before scoring.
        table: Name of the table that gets the columns.
        is_new: Whether the table will be created.
        options: The prefix of the columns, and whether to overwrite them.

    Raises:
        OptionsError: If a table or column would be replaced without ``options.overwrite``, or a
            scheme of another table would change.
    """
    field = options.field
    if is_new and table in database and not options.overwrite:
        raise OptionsError(
            f"table {table!r} already exists; choose another name or use Options(overwrite=True)"
        )
    taken = [] if is_new else _ours(database[table], field)
    if taken and not options.overwrite:
        raise OptionsError(
            f"table {table!r} already has {', '.join(taken)}; use into=..., Options(field=...) or "
            "Options(overwrite=True)"
        )
    # Tables share schemes: adding labels would change a scheme that annotators have used.
    others = [name for name in database.tables if name != table]
    for other, column in ((name, each) for name in others for each in database[name].columns):
        made = database[other][column]
        is_used = is_audformat_column(made.scheme_id or "", field=field)
        if is_used and known_model(made.rater) is None:
            raise OptionsError(
                f"scheme {made.scheme_id!r} is used by column {column!r} of table {other!r}, which "
                "has another source; use Options(field=...)"
            )


def _ours(table: audformat.Table, field: str) -> list[str]:
    return [name for name in table.columns if is_audformat_column(name, field=field)]
