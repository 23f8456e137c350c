"""What an input may make this package do: one policy for the Python API and all commands.

Any local regular file may be read. Everything in `KINDS` needs permission, because manifests, model
folders and pipelines often come from other people. docs/security.md lists it for each kind of input.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from emo2vec_plugins.core.messages import did_you_mean
from emo2vec_plugins.errors import NotAllowedError, OptionsError

Kind = Literal["commands", "urls", "code", "pickles"]

KINDS: dict[Kind, str] = {
    "commands": "shell commands and pipes",
    "urls": "URLs of any scheme, also file:// and object storage",
    "code": "Python code in a model folder, or named by one",
    "pickles": "pickles, which can run code when they are read",
}
"""What needs permission, with a description."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|(file|data):", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the user allows.

    Attributes:
        allow: Names in `KINDS`.
        root: A folder; if given, only files in it may be read as audio. Links are followed first.

    Raises:
        OptionsError: If a name is unknown, or *root* is not a folder.
    """

    allow: tuple[str, ...] = ()
    root: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        allow: Any = self.allow  # a list or a single name can only mean one thing
        given = (allow,) if isinstance(allow, str) else tuple(allow)
        for name in given:
            if name not in KINDS:
                guess = did_you_mean(name, KINDS) if isinstance(name, str) else ""
                raise OptionsError(
                    f"allow must be among {', '.join(KINDS)}, got {name!r:.100}{guess}"
                )
        if self.root is not None and not Path(self.root).is_dir():
            raise OptionsError(f"root must be a folder, got {os.fspath(self.root)!r}")
        object.__setattr__(self, "allow", given)

    def check(self, kind: Kind, found: str, *, where: object = "") -> None:
        """Check that something that needs permission is allowed.

        Args:
            kind: What it needs.
            found: What was found, with `shown` for a value of the file: ``"the command 'sox ...'"``.
            where: The file or object in which it was found.

        Raises:
            NotAllowedError: If the user has not allowed it. The message has the option.
        """
        if kind not in self.allow:
            place = f"{where}: " if str(where) else ""
            raise NotAllowedError(
                f"{place}found {found}; if you trust its author, allow it with "
                f'--allow {kind}, allow=("{kind}",)'
            )

    def check_file(self, path: str | os.PathLike[str]) -> None:
        """Check that a file may be read as audio: it is in the root, and not a pipe or a device.

        Without a root, a file that does not exist is no error here.

        Raises:
            NotAllowedError: If it may not.
        """
        if _is_special(path):
            raise NotAllowedError(f"{path}: expected a regular file, found a pipe or device")
        if self.root is not None and not _is_inside(path, self.root):
            raise NotAllowedError(
                f"{path}: outside of the root {self.root}; choose another with --root DIR, root=DIR"
            )


def kind_of_location(location: str) -> Kind | None:
    """Return what reading a location needs: ``commands``, ``urls``, or None for a local path.

    >>> [kind_of_location(each) for each in ("pipe:ls", "sox a.wav -t wav - |", "s3://b/a", "a.wav")]
    ['commands', 'commands', 'urls', None]
    """
    text = location.strip()
    if text.casefold().startswith("pipe:") or text.startswith("|") or text.endswith("|"):
        return "commands"
    return "urls" if _SCHEME.match(text) else None


def _is_special(path: str | os.PathLike[str]) -> bool:
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False  # no such file
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _is_inside(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> bool:
    try:
        return Path(path).resolve().is_relative_to(Path(root).resolve())
    except (OSError, ValueError, RuntimeError):  # a loop of links, or a name that no file can have
        return False
