"""Annotation of audformat tables, and conversion of dialogues to databases and back."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from emo2vec_plugins.audio import open_audio
from emo2vec_plugins.core import (
    Dialogue,
    Emotion,
    Options,
    Permissions,
    Plugins,
    Provenance,
    Recording,
    Scorer,
    Turn,
    annotate,
    as_options,
    shown,
)
from emo2vec_plugins.errors import FormatError, InvalidTurnError, OptionsError, described
from emo2vec_plugins.integrations import seconds_of, unscored
from emo2vec_plugins.integrations.audformat import frames

if TYPE_CHECKING:
    import audformat
    import pandas as pd

    Folder = str | os.PathLike[str] | None


def to_database(
    dialogues: Iterable[Dialogue],
    *,
    name: str,
    table: str = "emotion",
    field: str = "emotion",
    root: Folder = None,
    source: str = "",
    usage: str = "other",
) -> audformat.Database:
    """Return a database with one segmented table that has a row for each turn.

    Set license, authors, languages and splits yourself. Call ``save(folder)`` to write the
    database.

    Args:
        dialogues: All emotions must be from the same model.
        name: Name of the database.
        table: Name of the table.
        field: Name of the column with the label, and prefix of the other columns.
        root: Folder where you will save the database. Paths of files below it become relative to
            it, which makes the database portable.
        source: Source of the data, for the header of the database.
        usage: Permitted use of the data, one of ``audformat.define.Usage``.

    Raises:
        FormatError: If two recordings have the same name, a turn starts before the file, or the
            emotions are from several models.
        MissingExtraError: If audformat is not installed.
    """
    library = frames.import_audformat()
    given = list(dialogues)
    frame = frames.to_frame(given, field=field, root=root)
    database = library.Database(name, source=source, usage=usage)
    database.media["audio"] = library.Media(library.define.MediaType.AUDIO)
    target = database[table] = library.Table(frame.index, media_id="audio")
    for column in ("recording", "speaker"):
        database.schemes[column] = library.Scheme(library.define.DataType.STRING)
        target[column] = library.Column(scheme_id=column)
        target[column].set(frame[column])
    emotions = [scored.emotion for dialogue in given for scored in dialogue.turns]
    frames.fill(database, target, emotions, field=field)
    return database


def from_database(
    database: audformat.Database,
    table: str,
    *,
    field: str = "emotion",
    root: Folder = None,
    allow: tuple[str, ...] = (),
) -> list[Dialogue]:
    """Return the dialogues of a segmented or filewise table, in order of first mention.

    Without a column ``recording``, each file is a recording. Speakers are read from the column
    ``speaker`` if it exists. An open segment ends at the end of its file; the file is read only
    to find that end.

    Args:
        database: The database.
        table: Name of the table.
        field: Name of the column with the label.
        root: Folder to which paths are relative; that of the database if None.
        allow: ``pickles`` to load a table that is stored as a pickle.

    Raises:
        FormatError: If the table does not exist, a row is not a turn, or the file of an open
            segment cannot be read.
        NotAllowedError: If the table, or one with labels, is still to be loaded from a pickle.
    """
    found = _table(database, table, Permissions(allow=allow))
    try:
        return _dialogues(found, field=field, root=_root(database, root))
    except FormatError as error:
        raise FormatError(f"table {table!r}: {error!s:.1000}") from error


def _dialogues(table: audformat.Table, *, field: str, root: Path) -> list[Dialogue]:
    rows = list(_rows(table.df, root=root, permissions=Permissions()))
    for file, _, is_known in rows:
        if not is_known:
            raise FormatError(f"{file}: cannot read the file to find the end of an open segment")
    frame = table.df.copy()
    frame.index = frames.import_audformat().segmented_index(
        [file for file, _, _ in rows],
        [turn.start for _, turn, _ in rows],
        [turn.end for _, turn, _ in rows],
    )
    model = frames.known_model(table[field].rater) if field in table.columns else None
    return [_of_model(dialogue, model) for dialogue in frames.from_frame(frame, field=field)]


def annotate_table(
    database: audformat.Database,
    table: str,
    *,
    score: Scorer,
    into: str | None = None,
    root: Folder = None,
    options: Options | None = None,
    plugins: Plugins | None = None,
) -> audformat.Table:
    """Score each segment or file of a table, and add columns to it or to a new table.

    Files are read in order of first mention; the order of rows does not change. Overlap is
    measured within a file if the table has a column ``speaker``. A segment that cannot be scored
    gets no label, but a reason.

    Args:
        database: Changed in place after everything is scored.
        table: Name of the table with the segments.
        score: An `Engine` or another `Scorer`.
        into: Name of a new table with the same index for the columns; None to use *table*.
        root: Folder to which paths are relative; that of the database if None.
        options: *field* is the name of the column with the label and the prefix of the others.
            Existing columns are replaced only with *overwrite*.
        plugins: The installed plugins by default.

    Returns:
        The table with the new columns.

    Raises:
        FormatError: If the table does not exist, a segment is repeated, or a segment ends before
            it starts.
        OptionsError: If a column, scheme or table already exists, or the options request arrays.
        NotAllowedError: If the table, or one with labels, is still to be loaded from a pickle.
    """
    library = frames.import_audformat()
    wanted = as_options(options)
    if wanted.embeddings or wanted.frames:
        raise OptionsError(
            "an audformat table cannot store arrays: omit embeddings=True and frames=True"
        )
    found = _table(database, table, wanted.permissions)
    if found.index.has_duplicates:
        repeated = found.index[found.index.duplicated()][0]
        raise FormatError(f"expected distinct segments, table {table!r} repeats {repeated}")
    name = table if into is None else into
    frames.check_new_columns(database, name, is_new=into is not None, options=wanted)
    emotions = _scored(found.df, _root(database, root), score, wanted, plugins)
    if into is not None:
        database[into] = library.Table(found.index.copy(), media_id=found.media_id)
    frames.fill(database, database[name], emotions, field=wanted.field)
    return database[name]


def _scored(
    frame: pd.DataFrame, root: Path, score: Scorer, options: Options, plugins: Plugins | None
) -> list[Emotion]:
    """Return the emotion of each row."""
    places: dict[str, list[int]] = {}
    turns: list[Turn] = []
    for place, (file, turn, _) in enumerate(
        _rows(frame, root=root, permissions=options.permissions)
    ):
        places.setdefault(file, []).append(place)
        turns.append(turn)
    sources = (
        Recording(recording=file, audio=root / file, turns=[turns[place] for place in of_file])
        for file, of_file in places.items()
    )
    emotions = [Emotion()] * len(turns)
    for dialogue in annotate(
        sources, score=score, options=options, plugins=plugins, failed=unscored
    ):
        for place, scored in zip(places[dialogue.recording], dialogue.turns, strict=True):
            emotions[place] = scored.emotion
    return emotions


def _rows(
    frame: pd.DataFrame, *, root: Path, permissions: Permissions
) -> Iterator[tuple[str, Turn, bool]]:
    """Yield (file, turn, whether the end is known) for each row."""
    index = frames.import_audformat().utils.to_segmented_index(frame.index)
    speakers = frames.cells(frame["speaker"]) if "speaker" in frame.columns else [None] * len(frame)

    length = cache(lambda file: seconds_of(open_audio(root / file, permissions=permissions)))
    for (file, start, end), speaker in zip(index, speakers, strict=True):
        is_open = end != end  # only NaT is not equal to itself
        begin = 0.0 if start != start else frames.seconds(start)
        known = length(file) if is_open else frames.seconds(end)
        # An open segment that starts after the end of its file is empty.
        stop = max(begin, known or begin) if is_open else known or 0.0
        try:
            turn = Turn(start=begin, end=stop, speaker=None if speaker is None else str(speaker))
        except InvalidTurnError as error:
            raise FormatError(f"{file}, {start} to {end}: {error}") from error
        yield file, turn, known is not None


def _of_model(dialogue: Dialogue, model: Provenance | None) -> Dialogue:
    emotions = (replace(each.emotion, provenance=model) for each in dialogue.turns)
    turns = (replace(t, emotion=e) for t, e in zip(dialogue.turns, emotions, strict=True))
    return replace(dialogue, turns=tuple(turns))


def _table(database: audformat.Database, name: str, permissions: Permissions) -> audformat.Table:
    if name not in database.tables:
        known = ", ".join(map(repr, database.tables)) or "none"
        raise FormatError(f"no table {name!r} of files or segments in the database; it has {known}")
    # With its schemes, a table loads the misc tables that list their labels.
    for each, content in {name: database.tables[name], **database.misc_tables}.items():
        # Loaded with load_data=False: audformat would read the table now, and prefers a pickle.
        if getattr(content, "_df", None) is None and database.root is not None:
            _check_pickles(Path(database.root), each, permissions)
    try:
        database.tables[name].get()
    except Exception as error:
        place = database.root or "the database"
        found = f"{described(error):.300}"
        raise FormatError(f"{place}: cannot read the table {name!r}: {found}") from error
    return database.tables[name]


def _check_pickles(root: Path, table: str, permissions: Permissions) -> None:
    if "/" in table or os.sep in table:
        raise FormatError(f"{root}: expected a table with a plain name, found {shown(table)}")
    for path in sorted(root.glob(f"*.{glob.escape(table)}.pkl")):
        permissions.check("pickles", f"the table {path.name!r}", where=root)


def _root(database: audformat.Database, root: Folder) -> Path:
    return Path(root if root is not None else database.root or ".")
