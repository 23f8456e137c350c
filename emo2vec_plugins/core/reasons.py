"""Reasons why turns have no label, for counts: turns with the same problem have one kind of reason."""

from __future__ import annotations

import re

from emo2vec_plugins.core.labels import WITHHELD

_MOST_TEXT = 500
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|\d+(\.\d+)?")
_FILE = re.compile(r"[/\\]|\.\w{1,5}$")
_WHOSE = re.compile(r"(recording|cut|supervision|turn|line|track) …(, \w+ …)*")


def is_withheld(reason: object) -> bool:
    """Return whether a reason says that a label was withheld, which is no failure.

    >>> is_withheld("withheld: doubt 0.83 is above 0.60"), is_withheld("too short"), is_withheld(None)
    (True, False, False)
    """
    return isinstance(reason, str) and reason.partition(":")[0] == WITHHELD


def kind_of_reason(reason: str) -> str:
    """Return a reason without the parts specific to one turn: names, files, numbers.

    >>> kind_of_reason("too short: 160 samples at 16 kHz, one frame needs 400 (25 ms)")
    'too short'
    >>> kind_of_reason("/a/b.wav: no such audio file (recording 'b')")
    'no such audio file'
    >>> kind_of_reason("recording 'b': Lhotse raised OSError: /x: 3 bytes")
    'Lhotse raised OSError'
    """
    # Quoted and bracketed parts go first, as they may contain the colon that splits clauses.
    bare = " ".join(_VARYING.sub("…", reason[:_MOST_TEXT]).split())
    clauses = bare.split(": ")
    # Paths and "recording 'x'" precede the cause, and differ from turn to turn.
    general = [each for each in clauses if not _FILE.search(each) and not _WHOSE.fullmatch(each)]
    return (general or clauses)[0].removesuffix("…").strip()
