"""Libraries that may not be installed, and their objects."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from emo2vec_plugins.errors import MissingExtraError


def is_a(source: Any, module: str, *names: str) -> bool:
    """Return whether *source* is an instance of one of a module's classes.

    The module is never imported: as long as it is not loaded, no object is of its classes.
    """
    loaded = sys.modules.get(module)
    kinds = [getattr(loaded, name, None) for name in names]
    return isinstance(source, tuple(kind for kind in kinds if isinstance(kind, type)))


def import_extra(module: str, *, extra: str) -> Any:
    """Return a library that an extra of this package installs.

    Raises:
        MissingExtraError: If it is not installed; names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"this needs {module}: pip install 'emo2vec-plugins[{extra}]'"
        ) from error
