"""Text files in UTF-8 or UTF-16, with errors that name file and line."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files.bounded import read_bytes
from emo2vec_plugins.files.lines import read_lines


def read_text(path: Path, *, part: int = 1, by_line: bool = False) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark; without the mark.

    Args:
        path: The file.
        part: Denominator of the share of `read_limit` that the document may have.
        by_line: Whether the limit holds for each line instead of the file.

    Raises:
        FormatError: If the file is too large, is binary or is in another encoding; names the file
            and the line.
        OSError: If the file cannot be read.
    """
    data = read_lines(path) if by_line else read_bytes(path, part=part)
    # Praat writes UTF-16 by default if a label is not ASCII.
    is_wide = data.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    # Text has no null bytes; audio has some in its header or, for SPHERE, in its samples.
    is_binary = b"\0" in data and not is_wide
    try:
        text = "" if is_binary else data.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: {_undecodable(error)}") from error
    if is_binary or "\0" in text:
        hint = "are annotation and audio swapped?"
        raise FormatError(f"{path}: expected text, got audio or other binary data; {hint}")
    return text


def _undecodable(error: UnicodeDecodeError) -> str:
    if error.encoding.startswith("utf-16"):
        return f"byte {error.start} is invalid UTF-16; is the file truncated?"
    line = error.object.count(b"\n", 0, error.start) + 1
    found = f"line {line}: byte {error.object[error.start]:#04x} is not UTF-8"
    return f"{found}; convert it with 'iconv -f latin1 -t utf8'"
