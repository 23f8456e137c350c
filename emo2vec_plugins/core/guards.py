"""What stands between pluggy and a plugin's function: one broken plugin must not break the others.

pluggy stops a call at the first function that raises, and does not say whose it was. So each
function is wrapped once, when its plugin is registered. The calls themselves stay pluggy's own:
order, first results, wrappers and tracing work as they do everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pluggy

from emo2vec_plugins.core.backend import NamedModel
from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.session import Session
from emo2vec_plugins.errors import PluginError, PluginWarning, warn

STEPS = ("clips", "take", "finish")
"""The methods of a session."""


def guard(hook: str, implementation: pluggy.HookImpl) -> None:
    """Make errors and wrong results of a plugin's function name the plugin.

    A function that opens sources fails that source; any other is skipped with a warning.
    """
    if hook in _GUARDS and not (implementation.wrapper or implementation.hookwrapper):
        guarded = _GUARDS[hook](
            implementation.plugin_name, implementation.function, implementation.argnames
        )
        # pluggy reads this attribute at each call; it marks it final for type checkers only.
        implementation.function = guarded  # type: ignore[misc]


def skip(plugin: str, why: str) -> None:
    """Warn that a plugin, or a part of it, is left out."""
    warn(f"plugin {plugin!r} was skipped: {why}", PluginWarning)


def _opening(plugin: str, function: Callable[..., Any], _: Sequence[str]) -> Callable[..., Any]:
    def emo2vec_open(*arguments: Any) -> Session | None:
        try:
            session: Session | None = function(*arguments)
        except Exception as error:
            raise PluginError(
                f"plugin {plugin!r} failed in emo2vec_open: {type(error).__name__}: {error}"
            ) from error
        if session is None:
            return None
        missing = [step for step in STEPS if not callable(getattr(session, step, None))]
        if missing:
            raise PluginError(
                f"plugin {plugin!r}: emo2vec_open must return a session or None; "
                f"got {session!r:.100}, which has no {', '.join(missing)}"
            )
        return session

    return emo2vec_open


def _offering(
    hook: str, kind: type[Any]
) -> Callable[[str, Callable[..., Any], Sequence[str]], Callable[..., Any]]:
    def guarding(
        plugin: str, function: Callable[..., Any], _: Sequence[str]
    ) -> Callable[..., list[Any]]:
        def offer(*arguments: Any) -> list[Any]:
            try:
                offered = function(*arguments)
                # A generator runs only now, and may raise half-way.
                items = list(offered) if isinstance(offered, Iterator) else offered
            except Exception as error:  # noqa: BLE001 - one broken plugin, not the run
                skip(plugin, f"failed in {hook}: {type(error).__name__}: {error}")
                return []
            if isinstance(items, str | Mapping) or not isinstance(items, Iterable):
                skip(plugin, f"{hook} must return a list of {kind.__name__}, got {items!r}")
                return []
            for item in (found := list(items)):
                if not isinstance(item, kind):
                    skip(plugin, f"{hook} must give {kind.__name__} objects, got {item!r}")
            return [item for item in found if isinstance(item, kind)]

        return offer

    return guarding


def _adding_commands(
    plugin: str, function: Callable[..., Any], names: Sequence[str]
) -> Callable[..., None]:
    def emo2vec_commands(*arguments: Any) -> None:
        import click

        # A group of its own first: a plugin that fails half-way must leave nothing behind.
        scratch = click.Group()
        given = dict(zip(names, arguments, strict=True))
        try:
            result = function(**(given | {"cli": scratch} if given else {}))
        except Exception as error:  # noqa: BLE001 - one broken plugin, not the run
            skip(plugin, f"failed in emo2vec_commands: {type(error).__name__}: {error}")
            return
        if result is not None:
            skip(plugin, f"emo2vec_commands must return nothing, got {result!r}")
            return
        for name, command in scratch.commands.items():
            given["cli"].add_command(command, name)

    return emo2vec_commands


_GUARDS = {
    "emo2vec_open": _opening,
    "emo2vec_formats": _offering("emo2vec_formats", Format),
    "emo2vec_models": _offering("emo2vec_models", NamedModel),
    "emo2vec_commands": _adding_commands,
}
