"""What files are called after the recordings that are in them, and the other way round."""

from __future__ import annotations

from hashlib import sha256

from emo2vec_plugins.formats.escaping import Escaping, unescaped

LONGEST_STEM = 200
"""Bytes; file systems allow 255 for a name, suffixes included."""

# Devices to Windows, whatever suffix follows them.
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_STEMS = Escaping(lambda c: c.isprintable() and c not in '/\\:*?"<>|')


def bundle_stem(recording: str) -> str:
    """Return what the files of a recording's bundle are named after.

    The recording's name where that is safe on every file system; other names are escaped, so
    that no file lies outside its folder, or is another recording's.

    >>> bundle_stem("ES2011a"), bundle_stem("../x"), bundle_stem("x.emotion")
    ('ES2011a', '%2E.%2Fx', 'x%2Eemotion')
    """
    stem = _STEMS.escape(recording)
    if stem.startswith("."):
        stem = "%2E" + stem[1:]
    head, dot, tail = stem.rpartition(".")
    if dot and tail.casefold() in ("emotion", "spkemo"):  # "x.emotion" + ".rttm" is x's file
        stem = f"{head}%2E{tail}"
    if stem.partition(".")[0].casefold() in _DEVICES:
        stem = f"%{ord(stem[0]):02X}{stem[1:]}"
    # The rest of the 255 bytes is for suffixes.
    encoded = stem.encode("utf-8")
    if len(encoded) <= LONGEST_STEM:
        return stem
    digest = sha256(recording.encode("utf-8", "surrogatepass")).hexdigest()
    # The digest keeps apart long names that begin alike.
    return encoded[: LONGEST_STEM - 25].decode("utf-8", "ignore") + "%-" + digest[:20]


def recording_of(stem: str) -> str:
    """Return the recording that a file is named after.

    >>> recording_of("ES2011a"), recording_of("%2E.%2Fx"), recording_of("100%25 sure")
    ('ES2011a', '../x', '100%25 sure')
    """
    name = unescaped(stem)
    return name if bundle_stem(name) == stem else stem
