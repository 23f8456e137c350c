"""Databases of audformat, in and out: emotions on the segments of a table, dialogues as a database."""

from __future__ import annotations

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
    Plugins,
    Provenance,
    Recording,
    Scorer,
    Turn,
    annotate,
    as_options,
)
from emo2vec_plugins.errors import FormatError, InvalidTurnError, OptionsError
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
    """Return a database with one segmented table, a row for each turn.

    Licence, authors, languages and splits are yours to fill in; ``save(folder)`` writes it.

    Args:
        dialogues: Their emotions are of one model, or of none.
        name: Of the database.
        table: Of the table.
        field: Name of the column with the label, and what those beside it begin with.
        root: Folder that the database will be saved in: files below it are named from there,
            which makes the database portable.
        source: Where the data come from, as the database's header says it.
        usage: What they may be used for, one of ``audformat.define.Usage``.

    Raises:
        FormatError: If two recordings have one name, a turn begins before its file does, or the
            emotions are of several models.
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
    database: audformat.Database, table: str, *, field: str = "emotion", root: Folder = None
) -> list[Dialogue]:
    """Return the dialogues in a table, segmented or filewise, in order of first mention.

    In a table that somebody else made, each file is a recording, and the column ``speaker``, if
    there is one, says who speaks. Segments that are open end where their file does; only then is
    the file read.

    Args:
        database: Loaded or made.
        table: Its name.
        field: Name of the column with the label.
        root: Folder that the files are named from; the database's own if None.

    Raises:
        FormatError: If there is no such table, a row is not a turn, or a file is not readable
            whose length is needed.
    """
    found = _table(database, table)
    rows = list(_rows(found.df, root=_root(database, root)))
    for file, _, is_known in rows:
        if not is_known:
            raise FormatError(f"{file}: not readable, and an open segment ends where its file does")
    frame = found.df.copy()
    frame.index = frames.import_audformat().segmented_index(
        [file for file, _, _ in rows],
        [turn.start for _, turn, _ in rows],
        [turn.end for _, turn, _ in rows],
    )
    model = frames.known_model(found[field].rater) if field in found.columns else None
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
    """Add the emotion of each segment, or file, of a table to it, or to a new table beside it.

    Files are read one after another, in order of first mention, and rows stay in theirs. Turns
    overlap within a file, if the table has a column ``speaker``. A segment that cannot be scored
    has no label and a reason.

    Args:
        database: Changed in place, once everything is scored.
        table: Name of the table with the segments.
        score: An `Engine`, or anything that keeps the contract of `Scorer`.
        into: Name of a new table with the same index, which gets the columns; *table* if None.
        root: Folder that the files are named from; the database's own if None.
        options: Their *field* names the column with the label, and what those beside it begin
            with; what is there already is replaced only if they say *overwrite*.
        plugins: Those installed, unless given.

    Returns:
        The table that has the columns.

    Raises:
        FormatError: If there is no such table, it has a segment twice, or one that ends before it
            starts.
        OptionsError: If a column, scheme or table is there already, or arrays are asked for.
    """
    library = frames.import_audformat()
    wanted = as_options(options)
    if wanted.embeddings or wanted.frames:
        raise OptionsError("tables of audformat hold no arrays: leave out embeddings and frames")
    found = _table(database, table)
    if found.index.has_duplicates:
        twice = found.index[found.index.duplicated()][0]
        raise FormatError(f"table {table!r} has {twice} twice; tables have no duplicates")
    name = table if into is None else into
    frames.refuse_replacing(database, name, is_new=into is not None, options=wanted)
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
    for place, (file, turn, _) in enumerate(_rows(frame, root=root)):
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


def _rows(frame: pd.DataFrame, *, root: Path) -> Iterator[tuple[str, Turn, bool]]:
    """Yield each row's file and turn, and whether its end is known."""
    index = frames.import_audformat().utils.to_segmented_index(frame.index)
    speakers = frames.cells(frame["speaker"]) if "speaker" in frame.columns else [None] * len(frame)

    length = cache(lambda file: seconds_of(open_audio(root / file)))
    for (file, start, end), speaker in zip(index, speakers, strict=True):
        is_open = end != end  # NaT is the only time that is not itself
        begin = 0.0 if start != start else frames.seconds(start)
        known = length(file) if is_open else frames.seconds(end)
        # An open segment may begin behind the end of its file: it is empty then.
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


def _table(database: audformat.Database, name: str) -> audformat.Table:
    if name not in database.tables:
        known = ", ".join(map(repr, database.tables)) or "none"
        raise FormatError(f"there is no table {name!r} of files or segments; there is {known}")
    return database.tables[name]


def _root(database: audformat.Database, root: Folder) -> Path:
    return Path(root if root is not None else database.root or ".")
