"""Everything that reads a file of others, each with a valid sample and a promise to check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

REFUSED, READ = "refused", "read"

UNPARSED = "refused by a parser"
"""The outcome of a refused file whose syntax is wrong, so that no value was checked."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader.

    Attributes:
        name: Unique.
        file: Name of the file, relative to the folder of a case.
        shape: Structure of the file, for `damage.damaged`.
        sample: Content of a valid file.
        read: Reads the file and checks what must hold. Returns `READ` or `REFUSED`; any exception
            is a broken promise.
        others: Further files of the folder.
    """

    name: str
    file: str
    shape: str
    sample: bytes
    read: Callable[[Path], str]
    others: dict[str, bytes] = field(default_factory=dict)


def refused(run: Callable[[], object], path: Path) -> str:
    """Run a reader; errors of the package that name the file are the refusal that is expected."""
    from emo2vec_plugins.errors import Emo2vecError, PluginError

    try:
        run()
    except PluginError:
        raise  # an exception that a built-in reader did not expect
    except (Emo2vecError, OSError) as error:
        if isinstance(error, TimeoutError):
            raise
        message = str(error)
        assert path.name in message, f"the error does not name {path.name}: {message[:300]}"
        assert len(message) < 2000, f"a message of {len(message)} characters: {message[:300]}"
        return REFUSED
    return READ
