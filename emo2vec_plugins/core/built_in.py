"""Which modules are built-in plugins: `emo2vec_plugins.builtins` says it, `Plugins` asks here."""

from __future__ import annotations

from collections.abc import Mapping

_modules: dict[str, str] = {}


def use_built_in_plugins(modules: Mapping[str, str]) -> None:
    """Set the modules that every `Plugins` made from now on registers first."""
    global _modules  # noqa: PLW0603 - the one place that the composition root writes to
    _modules = dict(modules)


def built_in_plugins() -> dict[str, str]:
    """Return the name and module of each, in the order in which they are registered."""
    return _modules
