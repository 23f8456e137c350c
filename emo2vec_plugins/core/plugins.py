"""Finding plugins, keeping broken ones out, and calling their hooks with types."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from inspect import signature
from typing import TYPE_CHECKING, Any

import pluggy

from emo2vec_plugins.core import hookspecs
from emo2vec_plugins.core.backend import NamedModel
from emo2vec_plugins.core.composition import built_in_plugins
from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.guards import guard, skip
from emo2vec_plugins.core.session import Options, Session
from emo2vec_plugins.errors import (
    FormatError,
    OptionsError,
    SourceError,
)

if TYPE_CHECKING:
    import click


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """A registered plugin and its hooks.

    Attributes:
        hooks: Names of the hooks the plugin implements.
        origin: ``built-in``, ``passed in``, or the distribution and version it came with.
    """

    name: str
    hooks: tuple[str, ...]
    origin: str


class Plugins:
    """The plugins of one run: the built-in ones, those passed in, and those installed.

    A plugin that cannot be imported, implements no hook or one that does not exist, or asks for
    arguments that its hook does not define, is skipped with one `PluginWarning` that names it.

    Does not pickle: worker processes build their own.

    Args:
        plugins: Modules or objects with hook implementations, asked before all others.
        installed: Whether to look for the entry-point group ``emo2vec_plugins``.

    Raises:
        OptionsError: If *plugins* is one plugin instead of a list.
    """

    def __init__(self, plugins: Iterable[Any] = (), *, installed: bool = True) -> None:
        if isinstance(plugins, str) or not isinstance(plugins, Iterable):
            raise OptionsError(f"expected a list of plugins, got one {type(plugins).__name__}")
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self._origins: dict[str, str] = {}
        for name, module in built_in_plugins.items():
            self._register(importlib.import_module(module), name, "built-in")
        for entry in entry_points(group=hookspecs.PROJECT) if installed else ():
            self._load(entry)
        for plugin in plugins:
            self._register(plugin, _name(plugin), "passed in")

    def open(self, source: Any, options: Options) -> Session:
        """Return a session over *source*, from the first plugin that takes it.

        Raises:
            SourceError: If none does.
            PluginError: If one raises, or returns anything else; the message names it.
        """
        session: Session | None = self.manager.hook.emo2vec_open(source=source, options=options)
        if session is not None:
            return session
        raise SourceError(
            f"no plugin opens {type(source).__module__}.{type(source).__qualname__}; "
            "'emo2vec plugins' lists who is there"
        )

    def formats(self) -> dict[str, Format]:
        """Return every annotation format by name, the last registered winning."""
        return _by_name(self.manager.hook.emo2vec_formats())

    def format(self, name: str | os.PathLike[str]) -> Format:
        """Return the format that is called *name*, or whose files are named like it.

        Of several endings that match the longest wins: ``x.emotion.rttm`` is no plain RTTM. A
        path object is always the name of a file.

        Raises:
            FormatError: If there is none; names those that there are.
        """
        known = self.formats()
        if isinstance(name, str) and name in known:
            return known[name]
        file = os.fspath(name).casefold()
        endings = [
            (len(suffix), place, each.name)
            for place, each in enumerate(known.values())
            for suffix in each.suffixes
            if file.endswith(suffix.casefold())
        ]
        if endings:
            return known[max(endings)[-1]]
        listed = ", ".join(f"{each.name} ({' '.join(each.suffixes)})" for each in known.values())
        raise FormatError(
            f"no format is called {os.fspath(name)!r}, or has files that end so; there are {listed}"
        )

    def models(self) -> dict[str, NamedModel]:
        """Return every named model by name, the last registered winning."""
        return _by_name(self.manager.hook.emo2vec_models())

    def add_commands(self, cli: click.Group) -> None:
        """Let every plugin add its commands; one that raises is skipped with a warning.

        Of two commands with one name the first registered stays: no plugin changes what a
        built-in command does.
        """
        for plugin in self._names():
            for name, command in self._commands(plugin).items():
                if name in cli.commands:
                    skip(plugin, f"its command {name!r}: there is one of that name already")
                else:
                    cli.add_command(command, name)

    def offers(self) -> dict[str, list[str]]:
        """Return what each plugin offers, by its name: ``format srt``, ``model tiny``, ``command x``.

        A plugin that only opens sources offers nothing by name, and is left out.
        """
        found = {
            plugin: [
                *(f"format {name}" for name in _by_name(self._only(plugin, "emo2vec_formats")())),
                *(f"model {name}" for name in _by_name(self._only(plugin, "emo2vec_models")())),
                *(f"command {name}" for name in self._commands(plugin)),
            ]
            for plugin in self._names()
        }
        return {plugin: offered for plugin, offered in found.items() if offered}

    def describe(self) -> list[PluginInfo]:
        """Return the plugins in the order in which they are asked."""
        return [
            PluginInfo(
                name=name,
                hooks=tuple(sorted(caller.name for caller in self._callers(plugin))),
                origin=self._origins[name],
            )
            for name, plugin in reversed(self.manager.list_name_plugin())
            if plugin is not None
        ]

    def _load(self, entry: EntryPoint) -> None:
        origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "installed"
        try:
            plugin = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's import does
            skip(entry.name, f"cannot be imported: {type(error).__name__}: {error}")
        else:
            self._register(plugin, entry.name, origin)

    def _register(self, plugin: Any, name: str, origin: str) -> None:
        if self.manager.has_plugin(name):
            skip(name, "another plugin has the same name")
            return
        if self.manager.is_registered(plugin):
            skip(name, f"it is here already, as {self.manager.get_name(plugin)!r}")
            return
        if isinstance(plugin, type):
            skip(name, f"it is a class; give an object of it: {plugin.__name__}()")
            return
        try:
            self.manager.register(plugin, name)
            problem = self._problem(plugin)
        except pluggy.PluginValidationError as error:
            problem = self._misnamed(plugin) or str(error).splitlines()[-1]
        except Exception as error:  # noqa: BLE001 - whatever looking at a stranger raises
            problem = str(error)
        if problem:
            self.manager.unregister(name=name)
            skip(name, problem)
            return
        self._origins[name] = origin
        for caller in self._callers(plugin):
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin:
                    guard(caller.name, implementation)

    def _problem(self, plugin: Any) -> str | None:
        hooks = [
            (caller, implementation)
            for caller in self._callers(plugin)
            for implementation in caller.get_hookimpls()
            if implementation.plugin is plugin
        ]
        unknown = [
            caller.name
            for caller, implementation in hooks
            if not caller.has_spec() and not implementation.optionalhook
        ]
        if unknown:
            return f"there is no hook {', '.join(unknown)}; there are {', '.join(self._hooks())}"
        if not hooks:
            return "it has no hooks: functions marked with emo2vec_plugins.hookimpl"
        return None

    def _misnamed(self, plugin: Any) -> str | None:
        """Return the arguments that a function asks for and its hook does not define."""
        for hook in self._hooks():
            if self.manager.parse_hookimpl_opts(plugin, hook) is None:
                continue
            known = signature(getattr(hookspecs, hook)).parameters
            asked = signature(getattr(plugin, hook)).parameters
            if unknown := [name for name in asked if name not in known]:
                has = f"it has {', '.join(known)}" if known else "it has none"
                return f"{hook} has no argument {', '.join(unknown)}; {has}"
        return None

    def _callers(self, plugin: Any) -> list[pluggy.HookCaller]:
        return self.manager.get_hookcallers(plugin) or []

    def _hooks(self) -> list[str]:
        return sorted(name for name in vars(hookspecs) if name.startswith("emo2vec_"))

    def _names(self) -> list[str]:
        """Return the plugins' names, first registered first."""
        return [name for name, plugin in self.manager.list_name_plugin() if plugin is not None]

    def _commands(self, plugin: str) -> dict[str, click.Command]:
        import click

        cli = click.Group()
        self._only(plugin, "emo2vec_commands")(cli=cli)
        return dict(cli.commands)

    def _only(self, name: str, hook: str) -> pluggy.HookCaller:
        """Return what calls *hook* of one plugin, and the wrappers around it."""
        others = [
            implementation.plugin
            for implementation in getattr(self.manager.hook, hook).get_hookimpls()
            if implementation.plugin_name != name
            and not (implementation.wrapper or implementation.hookwrapper)
        ]
        return self.manager.subset_hook_caller(hook, others)


@cache
def default_plugins() -> Plugins:
    """Return the built-in and the installed plugins, found once in a process."""
    return Plugins()


def as_plugins(plugins: Plugins | None) -> Plugins:
    """Return *plugins*, or those installed.

    Raises:
        OptionsError: If it is anything else.
    """
    if not isinstance(plugins, Plugins | None):
        raise OptionsError(f"plugins is a Plugins object, got {_kind(plugins)}: Plugins([...])")
    return default_plugins() if plugins is None else plugins


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _by_name(offers: Any) -> dict[str, Any]:
    # pluggy asks the last registered first; of one name, the last registered stays.
    return {item.name: item for offered in reversed([*offers]) for item in offered}


def _name(plugin: Any) -> str:
    return str(getattr(plugin, "__name__", None) or type(plugin).__qualname__)
