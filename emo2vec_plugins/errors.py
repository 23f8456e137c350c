"""Every exception and warning of the package, in one place.

Each is an `Emo2vecError` and also the builtin error it is a kind of, so that callers may
catch either.
"""

import sys
import warnings


class Emo2vecError(Exception):
    """Something the package was asked for could not be done; the message says why."""


class InvalidTurnError(Emo2vecError, ValueError):
    """A turn's bounds are not finite numbers in order, or what was given is no turn."""


class LabelError(Emo2vecError, ValueError):
    """A label is unknown, repeated, or missing from the model."""


class AudioError(Emo2vecError, ValueError):
    """Audio cannot be read or does not mean what it claims."""


class ConfigError(Emo2vecError, ValueError):
    """A model's configuration is missing a value or describes another network."""


class CheckpointError(Emo2vecError, ValueError):
    """A model folder is incomplete, its tensors do not fit, or reading it is not safe."""


class ModelNotFoundError(Emo2vecError, LookupError):
    """A model is neither a known name, nor a folder, nor to be had from its hub."""


class OptionsError(Emo2vecError, ValueError):
    """Options contradict each other or have no such value."""


class FormatError(Emo2vecError, ValueError):
    """A file does not follow its format, or a format cannot hold what was to be written."""


class SourceError(Emo2vecError, TypeError):
    """No plugin knows how to open what was given to be annotated."""


class PluginError(Emo2vecError, RuntimeError):
    """A plugin raised, or broke the contract of a hook."""


class StoreError(Emo2vecError, OSError):
    """Arrays cannot be stored: the store is closed, or does not take them."""


class ScorerError(Emo2vecError, RuntimeError):
    """A scorer lost, repeated or reordered clips."""


class ResumeError(Emo2vecError, RuntimeError):
    """An unfinished output belongs to another model, other options or another input."""


class ExportError(Emo2vecError, RuntimeError):
    """A graph cannot be run, or does not do what the model does."""


class TrainingError(Emo2vecError, RuntimeError):
    """Training cannot begin or go on: its data, its loss or its checkpoint is at fault."""


class MissingExtraError(Emo2vecError, ImportError):
    """A library that comes with an extra of the package is not installed."""


class SelfcheckError(Emo2vecError, AssertionError):
    """A model does not give the scores that its publishers give for it."""


class Emo2vecWarning(UserWarning):
    """Something was left out or assumed; the message says what."""


class PluginWarning(Emo2vecWarning):
    """A plugin is broken and was skipped."""


def warn(message: str, kind: type[Emo2vecWarning] = Emo2vecWarning) -> None:
    """Warn of the line that called the package, however deep inside of it this is.

    Lhotse's frames are passed over, too: a lazy set calls back into the package.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inner(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, kind, stacklevel=level)


def _is_inner(module: str) -> bool:
    return module.partition(".")[0] in ("emo2vec_plugins", "lhotse")
