"""The exceptions and warnings of the package.

Each exception is an `Emo2vecError` and also a subclass of the closest builtin exception, so callers
can catch either.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Emo2vecError(Exception):
    """Base class of all exceptions of the package."""


class InvalidTurnError(Emo2vecError, ValueError):
    """The bounds of a turn are not finite numbers in order, or an object is not a turn."""


class LabelError(Emo2vecError, ValueError):
    """A label is unknown or repeated, or the model does not have it."""


class AudioError(Emo2vecError, ValueError):
    """Audio cannot be read, or its contents contradict its metadata."""


class ConfigError(Emo2vecError, ValueError):
    """The configuration of a model lacks a value or describes a different network."""


class CheckpointError(Emo2vecError, ValueError):
    """A model folder is incomplete, its tensors do not match, or it is unsafe to load."""


class ModelNotFoundError(Emo2vecError, LookupError):
    """A model name is unknown, is not a folder, and is not available from a hub."""


class NotAllowedError(Emo2vecError, PermissionError):
    """An input would run code, or read more than local files, and the user has not allowed it."""


class OptionsError(Emo2vecError, ValueError):
    """Options have invalid values or contradict each other."""


class FormatError(Emo2vecError, ValueError):
    """A file does not follow its format, or the format cannot store the given data."""


class OverwriteError(Emo2vecError, FileExistsError):
    """An output exists that must not be replaced: an input, or a file that is not ours."""


class SourceError(Emo2vecError, TypeError):
    """No plugin can open a source."""


class PluginError(Emo2vecError, RuntimeError):
    """A plugin raised an exception or broke the contract of a hook."""


class StoreError(Emo2vecError, OSError):
    """Arrays cannot be stored: the store is closed or rejects them."""


class ScorerError(Emo2vecError, RuntimeError):
    """A scorer lost, repeated or reordered clips."""


class ResumeError(Emo2vecError, RuntimeError):
    """An unfinished output belongs to a different model, different options or a different input."""


class ExportError(Emo2vecError, RuntimeError):
    """A graph cannot run, or its results differ from the model's."""


class TrainingError(Emo2vecError, RuntimeError):
    """Training cannot start or continue, because of its data, its loss or its checkpoint."""


class MissingExtraError(Emo2vecError, ImportError):
    """A library from an optional extra of the package is not installed."""


class SelfcheckError(Emo2vecError, AssertionError):
    """The scores of a model differ from the published ones."""


class Emo2vecWarning(UserWarning):
    """Base class of all warnings of the package, about omissions and assumptions."""


class PluginWarning(Emo2vecWarning):
    """A plugin is broken and was skipped."""


OUTSIDE = (KeyboardInterrupt, GeneratorExit)
"""What reaches code of others from outside: Ctrl-C, and the end of a generator around it.

Anything else that it raises is its own error, also what is no `Exception`: some libraries call
``sys.exit``.
"""


def described(error: BaseException) -> str:
    """Return the class and the message of an error, also of one without a usable message."""
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException:  # noqa: BLE001 - a class of others may raise anything
        return type(error).__name__


@contextmanager
def contained(what: str) -> Iterator[None]:
    """Raise an error of the block that is no `Exception`, such as SystemExit, as a `PluginError`.

    Args:
        what: Whose code runs in the block, the beginning of the message.

    Raises:
        PluginError: In place of such an error.
    """
    try:
        yield
    except (Exception, *OUTSIDE):
        raise
    except BaseException as error:
        raise PluginError(f"{what} raised {described(error)}") from error


@contextmanager
def naming(path: object) -> Iterator[None]:
    """Let errors of the block begin with the file that they are about, unless they name it."""
    try:
        yield
    except Emo2vecError as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error


def warn(message: str, kind: type[Emo2vecWarning] = Emo2vecWarning) -> None:
    """Issue a warning that points to the line outside the package that led here.

    Stack frames of Lhotse are skipped too, because lazy sets call back into the package.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inner(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, kind, stacklevel=level)


def _is_inner(module: str) -> bool:
    return module.partition(".")[0] in ("emo2vec_plugins", "lhotse")
