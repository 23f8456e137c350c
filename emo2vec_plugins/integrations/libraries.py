"""Objects of libraries that may not be loaded."""

from __future__ import annotations

import sys
from typing import Any


def is_a(source: Any, module: str, *names: str) -> bool:
    """Return whether *source* is an instance of one of a module's classes.

    The module is never imported: as long as it is not loaded, no object is of its classes.
    """
    loaded = sys.modules.get(module)
    kinds = [getattr(loaded, name, None) for name in names]
    return isinstance(source, tuple(kind for kind in kinds if isinstance(kind, type)))
