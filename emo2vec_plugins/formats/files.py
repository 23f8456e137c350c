"""Dialogues as whole files of any format, and how files are read and written here.

A file is complete or absent: it is written under a temporary name, then renamed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.errors import Emo2vecError, FormatError, PluginError
from emo2vec_plugins.files import read_text, write_text, write_whole
from emo2vec_plugins.formats.fidelity import as_dialogues, verify
from emo2vec_plugins.formats.names import recording_of

if TYPE_CHECKING:
    from emo2vec_plugins.core import Plugins


def write_dialogues(
    dialogues: Iterable[Dialogue],
    path: str | os.PathLike[str],
    *,
    plugins: Plugins,
    format: str | None = None,
) -> None:
    """Write dialogues to one file; a file that is there already is replaced.

    Where the format says what it holds, that is read back and compared before the file is there.

    Args:
        dialogues: Held in memory together.
        path: Folders that are missing are made.
        plugins: Whose formats to choose from.
        format: A format's name; the one that *path* ends like if None.

    Raises:
        FormatError: If there is no such format, or it cannot be written or hold the dialogues.
        PluginError: If the format's own code fails.
        OSError: If the file cannot be written.
    """
    chosen = plugins.format(path if format is None else format)
    if chosen.dumps is None:
        raise FormatError(f"format {chosen.name!r} can be read, not written")
    given = as_dialogues(dialogues)
    content = _run(chosen.name, chosen.dumps, given, bytes if chosen.binary else str)
    # Before anything is written: a file that lost something must not replace one that has it.
    if chosen.loads is not None and chosen.holds is not None:
        verify(given, _run(chosen.name, chosen.loads, content, list), chosen)
    if isinstance(content, str):
        write_text(Path(path), content)
    else:
        write_whole(Path(path), content)


def read_dialogues(
    path: str | os.PathLike[str],
    *,
    plugins: Plugins,
    format: str | None = None,
) -> list[Dialogue]:
    """Return the dialogues in a file.

    A recording whose name is not in the file is called after the file.

    Args:
        path: Text in UTF-8, or in UTF-16 with a byte order mark, unless the format is binary.
        plugins: Whose formats to choose from.
        format: A format's name; the one that *path* ends like if None.

    Raises:
        FormatError: If there is no such format, it cannot be read, or the file is not of it.
        PluginError: If the format's own code fails.
        OSError: If the file cannot be read.
    """
    chosen = plugins.format(path if format is None else format)
    if chosen.loads is None:
        raise FormatError(f"format {chosen.name!r} can be written, not read")
    content = Path(path).read_bytes() if chosen.binary else read_text(Path(path))
    try:
        dialogues: list[Dialogue] = _run(chosen.name, chosen.loads, content, list)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    # The file's name without the ending that its format has, or any other.
    file = Path(path).name
    fitting = [each for each in chosen.suffixes if file.casefold().endswith(each.casefold())]
    longest = max(map(len, fitting), default=len(Path(path).suffix))
    name = recording_of(file[: len(file) - longest] or file)
    return [replace(each, recording=each.recording or name) for each in dialogues]


def _run(name: str, function: Callable[[Any], Any], argument: Any, kind: type) -> Any:
    try:
        result = function(argument)
    except (Emo2vecError, OSError):
        raise
    except Exception as error:
        raise PluginError(f"format {name!r} failed: {type(error).__name__}: {error}") from error
    if not isinstance(result, kind):
        found = type(result).__name__
        raise PluginError(f"format {name!r} is to give a {kind.__name__}, got {found}")
    return result
