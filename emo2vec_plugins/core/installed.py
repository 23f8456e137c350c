"""Installed plugins: the entry points of all distributions, without those that are switched off."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from emo2vec_plugins.core.hookspecs import PROJECT
from emo2vec_plugins.core.messages import did_you_mean
from emo2vec_plugins.errors import PluginWarning, described, warn

DISABLED = "EMO2VEC_DISABLE_PLUGINS"
"""Environment variable with the names of installed plugins to leave out, or ``all``."""


def installed_plugins() -> Iterator[tuple[str, Any, str]]:
    """Yield each installed plugin as its name, its module or object, and its origin.

    One that cannot be imported is skipped with a warning.
    """
    for entry in _enabled():
        origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "installed"
        yield from ((entry.name, plugin, origin) for plugin in _imported(entry))


def skip(plugin: str, reason: str) -> None:
    """Warn that a plugin is not used."""
    warn(f"skipped plugin {plugin!r}: {reason}", PluginWarning)


def _imported(entry: EntryPoint) -> list[Any]:
    try:
        return [entry.load()]
    except KeyboardInterrupt as error:
        error.args = (f"while the plugin {entry.name!r} was imported",)
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
        skip(entry.name, f"cannot be imported: {described(error)}")
        return []


def _enabled() -> list[EntryPoint]:
    """Return the entry points that `DISABLED` does not name; warn of names that none has."""
    found = list(entry_points(group=PROJECT))
    off = {name.strip() for name in os.environ.get(DISABLED, "").split(",")} - {""}
    if "all" in off:
        return []
    known = [entry.name for entry in found]
    for name in sorted(off.difference(known)):
        advice = did_you_mean(name, known)
        warn(f"{DISABLED}: no installed plugin is called {name!r}{advice}", PluginWarning)
    return [entry for entry in found if entry.name not in off]
