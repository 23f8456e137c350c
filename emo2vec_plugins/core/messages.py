"""Parts of messages: how to install an extra, which name was meant, a number with its noun.

`shown` formats any value of a file or a caller for a message; `shortened` is for texts of ours.
"""

from __future__ import annotations

import importlib
import json
import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from emo2vec_plugins.core.telemetry import without_telemetry
from emo2vec_plugins.errors import MissingExtraError

PROJECT = "emo2vec-plugins"


def import_extra(module: str, *, extra: str, purpose: str = "this", otherwise: str = "") -> Any:
    """Import a library that an extra of this package installs, without its telemetry.

    Args:
        module: Its name, as in an import statement.
        extra: The extra that installs it.
        purpose: What needs it, the subject of the message: ``"a picture"``.
        otherwise: What works without it, added to the message.

    Raises:
        MissingExtraError: If it cannot be imported. The message has the command that installs it.
    """
    try:
        with without_telemetry():
            return importlib.import_module(module)
    except ImportError as error:
        if find_spec(module.partition(".")[0]) is not None and error.name not in (None, module):
            broken = f"{purpose} needs {module}, which is installed but cannot be imported"
            raise MissingExtraError(f"{broken}: {error}") from error
        advice = f"{install_command(extra)}{otherwise and f', or {otherwise}'}"
        raise MissingExtraError(f"{purpose} needs {module}: {advice} ({error})") from error


def require_extra(module: str, *, extra: str, purpose: str) -> None:
    """Check that a library is installed, without importing it, which may take seconds.

    Raises:
        MissingExtraError: If it is not installed.
    """
    package = module.partition(".")[0]
    if find_spec(package) is None or find_spec(module) is None:
        raise MissingExtraError(f"{purpose} needs {module}: {install_command(extra)}")


def install_command(extra: str) -> str:
    """Return the command that adds an extra to the package, wherever it was installed from.

    pip records where a package came from in ``direct_url.json`` (PEP 610); packages from an index
    have none. Credentials in a URL are left out. Whatever cannot be read or safely pasted into a
    shell is ignored.
    """
    try:
        command = _command_of_origin(extra)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, PackageNotFoundError):
        command = None
    if command is None or set(command) & set("`$\\\n\r") or command.count('"') != 2:
        return f'pip install "{PROJECT}[{extra}]"'
    return command


def _command_of_origin(extra: str) -> str | None:
    recorded = distribution(PROJECT).read_text("direct_url.json")
    if recorded is None:
        return None
    origin = json.loads(recorded)
    parts = urlsplit(origin["url"])
    if "dir_info" in origin:
        folder = Path(url2pathname(parts.path))
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return f'pip install {editable}"{folder.as_posix() if folder.exists() else "."}[{extra}]"'
    user, _, host = parts.netloc.rpartition("@")
    # Every other user name may be a token.
    url = parts._replace(netloc=f"git@{host}" if user == "git" else host, query="").geturl()
    if vcs := origin.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs.get('requested_revision', vcs['commit_id'])}"
    return f'pip install "{PROJECT}[{extra}] @ {url}"'


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return ``" (did you mean 'rttm'?)"`` if a known name is close to *name*, otherwise ``""``.

    Args:
        name: The unknown name.
        known: The names that it may be compared with.
        cutoff: Lowest similarity from 0 to 1, as `difflib` measures it.
    """
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "turn"), counted(2000, "turn")
    ('1 turn', '2,000 turns')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


MOST_SHOWN = 200
"""Most characters of a value in a message."""

_MOST_TEXT, _MOST_BITS = 150, 200


class _Shown(reprlib.Repr):
    """Formats values at a cost that does not depend on their size."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3

    def repr1(self, x: Any, level: int) -> str:
        if isinstance(x, int) and x.bit_length() > _MOST_BITS:
            return f"a number of {x.bit_length()} bits"
        if isinstance(x, str | bytes | bytearray):
            return repr(x) if len(x) <= _MOST_TEXT else f"{x[:_MOST_TEXT]!r}..."
        return super().repr1(x, level)

    def repr_dict(self, x: Any, level: int) -> str:
        if level <= 0 and x:
            return "{...}"
        pairs = [
            f"{self.repr1(key, level - 1)}: {self.repr1(x[key], level - 1)}"
            for key in islice(x, self.maxdict)
        ]
        return f"{{{', '.join(pairs)}{', ...' if len(x) > self.maxdict else ''}}}"


_SHOWN = _Shown()


def shown(value: Any) -> str:
    """Return the ``repr`` of any value, shortened; the cost does not depend on the value's size.

    >>> shown("a" * 1000)[-10:], shown([[[[[]]]]] * 1000), shown(10**5000)
    ("aaaaaa'...", '[[[[...]]], [[[...]]], [[[...]]], [[[...]]], [[[...]]], [[[...]]], ...]', 'a number of 16610 bits')
    """
    text = _SHOWN.repr(value)
    return shortened(text)


def shortened(text: str, *, most: int = MOST_SHOWN) -> str:
    """Return a text for a message, without the end of a long one.

    >>> shortened("an id of a cut", most=5)
    'an id...'
    """
    return text if len(text) <= most else f"{text[:most]}..."


def one_line(text: str) -> str:
    """Return a text of others for a line of ours: escaped if it has line breaks or control characters.

    >>> one_line("a name"), one_line("two\\nlines")
    ('a name', "'two\\\\nlines'")
    """
    return text if text.isprintable() else repr(text)


def kind_of(value: Any) -> str:
    """Return a description of an invalid argument for messages: its class, or "the class X"."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
