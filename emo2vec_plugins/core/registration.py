"""Registration of plugins with pluggy, with a reason for each rejected plugin."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pluggy

from emo2vec_plugins.core import hookspecs
from emo2vec_plugins.errors import described

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("emo2vec_"))


def implementations(
    manager: pluggy.PluginManager, plugin: Any
) -> list[tuple[pluggy.HookCaller, pluggy.HookImpl]]:
    """Return the hook implementations of a registered plugin, each with its hook caller."""
    return [
        (caller, implementation)
        for caller in manager.get_hookcallers(plugin) or ()
        for implementation in caller.get_hookimpls()
        if implementation.plugin is plugin
    ]


def register(manager: pluggy.PluginManager, plugin: Any, name: str) -> str | None:
    """Register a plugin, or return the reason why it is invalid."""
    if isinstance(plugin, type):
        return f"it is a class; pass an instance: {plugin.__name__}()"
    if manager.has_plugin(name) and manager.get_plugin(name) is not plugin:
        return "another plugin has the same name"
    try:
        hash(plugin), bool(plugin == manager)  # pluggy keeps plugins in sets, and compares them
        if manager.is_registered(plugin):
            return f"it is registered already, as {manager.get_name(plugin)!r}"
        manager.register(plugin, name)
        problem = _unknown_hooks(manager, plugin)
    except pluggy.PluginValidationError as error:
        problem = _unknown_arguments(manager, plugin) or str(error).splitlines()[-1]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - from an attribute of the plugin
        problem = described(error)
    if problem:
        manager.unregister(name=name)
    return problem


def _unknown_hooks(manager: pluggy.PluginManager, plugin: Any) -> str | None:
    hooks = implementations(manager, plugin)
    # pluggy accepts a marked function without a hook of that name: a typo would go unnoticed.
    unknown = [
        caller.name
        for caller, implementation in hooks
        if not caller.has_spec() and not implementation.optionalhook
    ]
    if unknown:
        return f"unknown hook {', '.join(unknown)}; the hooks are {', '.join(HOOKS)}"
    return None if hooks else "it has no hooks; mark functions with emo2vec_plugins.hookimpl"


def _unknown_arguments(manager: pluggy.PluginManager, plugin: Any) -> str | None:
    for hook in HOOKS:
        # pluggy before 1.7 looks up the name without checking that it exists.
        if not hasattr(plugin, hook) or manager.parse_hookimpl_opts(plugin, hook) is None:
            continue
        known = signature(getattr(hookspecs, hook)).parameters
        used = signature(getattr(plugin, hook)).parameters
        if unknown := [name for name in used if name not in known]:
            has = f"the arguments are {', '.join(known)}" if known else "it has no arguments"
            return f"{hook} has no argument {', '.join(unknown)}; {has}"
    return None
