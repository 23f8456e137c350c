"""Reading and writing one file of any format.

Files are written under a temporary name and then renamed, so a file is either complete or absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import Dialogue, Format
from emo2vec_plugins.errors import OUTSIDE, Emo2vecError, FormatError, PluginError, described
from emo2vec_plugins.files import read_bytes, read_text, write_text, write_whole
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
    """Write dialogues to one file; replace it if it is one of ours and unchanged.

    If the format declares what it stores, the content is read back and compared with the
    dialogues before the file is written.

    Args:
        dialogues: All are in memory at once.
        path: Missing folders are created.
        plugins: The formats to choose from.
        format: A format's name; if None, the suffix of *path* decides.

    Raises:
        FormatError: If the format is unknown, cannot be written, or cannot store the dialogues.
        PluginError: If the format's own code fails.
        OverwriteError: If the file must not be replaced.
        OSError: If the file cannot be written.
    """
    chosen = plugins.format(path if format is None else format)
    if chosen.dumps is None:
        raise FormatError(f"format {chosen.name!r} is read-only, cannot write {path}")
    given = as_dialogues(dialogues)
    content = _run(chosen.name, chosen.dumps, given, bytes if chosen.binary else str)
    # Verify before writing: an incomplete file must not replace a complete one.
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

    A recording without a name in the file is named after the file.

    Args:
        path: Text in UTF-8, or in UTF-16 with a byte order mark, unless the format is binary.
        plugins: The formats to choose from.
        format: A format's name; if None, the suffix of *path* decides.

    Raises:
        FormatError: If the format is unknown or cannot be read, or the file has another format.
        PluginError: If the format's own code fails.
        OSError: If the file cannot be read.
    """
    return read_file(Path(path), plugins.format(path if format is None else format))


def read_file(path: Path, chosen: Format) -> list[Dialogue]:
    """Return the dialogues in a file of a known format, as `read_dialogues` does."""
    if chosen.loads is None:
        raise FormatError(f"format {chosen.name!r} is write-only, cannot read {path}")
    content = read_bytes(path) if chosen.binary else read_text(path, by_line=chosen.by_line)
    try:
        dialogues: list[Dialogue] = _run(chosen.name, chosen.loads, content, list)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    # The file's name without the format's suffix, or without any other suffix.
    file = path.name
    fitting = [each for each in chosen.suffixes if file.casefold().endswith(each.casefold())]
    longest = max(map(len, fitting), default=len(path.suffix))
    name = recording_of(file[: len(file) - longest] or file)
    return [replace(each, recording=each.recording or name) for each in dialogues]


def _run(name: str, function: Callable[[Any], Any], argument: Any, kind: type) -> Any:
    try:
        result = function(argument)
    except (Emo2vecError, OSError, *OUTSIDE):
        raise
    except BaseException as error:
        raise PluginError(f"format {name!r} failed: {described(error)}") from error
    if not isinstance(result, kind):
        found = type(result).__name__
        raise PluginError(f"format {name!r} must return a {kind.__name__}, got {found}")
    return result
