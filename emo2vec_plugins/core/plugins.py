"""Plugin discovery, validation, and typed calls of the hooks."""

from __future__ import annotations

import importlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, count
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from emo2vec_plugins.core import hookspecs
from emo2vec_plugins.core.backend import NamedModel
from emo2vec_plugins.core.composition import built_in_plugins
from emo2vec_plugins.core.format import Format, unknown_format
from emo2vec_plugins.core.guards import name_failures, problem_of_command, problem_of_session
from emo2vec_plugins.core.installed import installed_plugins, skip
from emo2vec_plugins.core.messages import kind_of, shown
from emo2vec_plugins.core.registration import implementations, register
from emo2vec_plugins.core.session import Options, Session
from emo2vec_plugins.errors import (
    OptionsError,
    PluginError,
    PluginWarning,
    SourceError,
    warn,
)

if TYPE_CHECKING:
    import click


T = TypeVar("T", Format, NamedModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """A registered plugin and its hooks.

    Attributes:
        hooks: Names of the hooks the plugin implements.
        origin: ``built-in``, ``passed in``, or the distribution and its version.
    """

    name: str
    hooks: tuple[str, ...]
    origin: str


class Plugins:
    """The plugins of one run: built-in, installed and passed in.

    A plugin is skipped with one `PluginWarning` that names it if it cannot be imported, has no
    hooks, or implements a hook or an argument that does not exist. Installed plugins can be switched
    off with the environment variable in `DISABLED`.

    Does not pickle; worker processes must create their own.

    Args:
        plugins: Modules or objects with hook implementations, called before all others.
        installed: Whether to load the entry-point group ``emo2vec_plugins``.

    Raises:
        OptionsError: If *plugins* is a single plugin.
    """

    def __init__(self, plugins: Iterable[Any] = (), *, installed: bool = True) -> None:
        if isinstance(plugins, str) or not isinstance(plugins, Iterable):
            raise OptionsError(f"expected a list of plugins, got one {type(plugins).__name__}")
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self._origins: dict[str, str] = {}
        for name, module in built_in_plugins.items():
            self._register(importlib.import_module(module), name, "built-in")
        for name, plugin, origin in installed_plugins() if installed else ():
            self._register(plugin, name, origin)
        for plugin in plugins:
            self._register(plugin, _free_name(self.manager, plugin), "passed in")

    def open(self, source: Any, options: Options) -> Session:
        """Return a session over *source*, from the first plugin that opens it.

        Raises:
            SourceError: If no plugin opens it.
            PluginError: If a plugin raises or returns something else; the message names it.
        """
        session: Session | None = self.manager.hook.emo2vec_open(source=source, options=options)
        if problem := problem_of_session(session):
            raise PluginError(f"a wrapper of emo2vec_open {problem}")
        if session is None:
            raise SourceError(
                f"no plugin opens {type(source).__module__}.{type(source).__qualname__} objects; "
                "run 'emo2vec plugins' to list the plugins"
            )
        return session

    def formats(self) -> dict[str, Format]:
        """Return all annotation formats by name; for a repeated name, the last registered."""
        return {each.name: each for _, each in self._items("emo2vec_formats", Format)}

    def format(self, name: str | os.PathLike[str]) -> Format:
        """Return the format called *name*, or the format of a file called *name*.

        If several suffixes match, the longest wins: ``x.emotion.rttm`` is not plain RTTM. A path
        object is always a file name.

        Raises:
            FormatError: If no format matches; the message lists all formats.
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
        raise unknown_format(os.fspath(name), known)

    def models(self) -> dict[str, NamedModel]:
        """Return all named models by name; for a repeated name, the last registered."""
        return {each.name: each for _, each in self._items("emo2vec_models", NamedModel)}

    def add_commands(self, cli: click.Group) -> None:
        """Add the commands of every plugin; a plugin that raises is skipped with a warning.

        If two commands have the same name, the first registered is kept: a plugin cannot replace
        a built-in command.
        """
        owners = dict.fromkeys(cli.commands, "")
        for plugin, commands in self._commands():
            for name, command in commands.items():
                if name in owners:
                    owner = owners[name] and f", from plugin {owners[name]!r}"
                    _leave_out(plugin, f"the command {name!r} exists already{owner}")
                else:
                    owners[name] = plugin
                    cli.add_command(command, name)

    def offers(self) -> dict[str, list[str]]:
        """Return each plugin's offers, such as ``format srt``, ``model tiny`` or ``command x``.

        The keys are plugin names. Plugins that only open sources are left out.
        """
        found: dict[str, list[str]] = defaultdict(list)
        for plugin, format_ in self._items("emo2vec_formats", Format):
            found[plugin].append(f"format {format_.name}")
        for plugin, model in self._items("emo2vec_models", NamedModel):
            found[plugin].append(f"model {model.name}")
        for plugin, commands in self._commands():
            found[plugin] += [f"command {name}" for name in commands]
        return dict(found)

    def describe(self) -> list[PluginInfo]:
        """Return the plugins in the order in which they are called."""
        return [
            PluginInfo(
                name=name,
                hooks=tuple(
                    sorted({each.name for each, _ in implementations(self.manager, plugin)})
                ),
                origin=self._origins.get(name, "passed in"),
            )
            for name, plugin in reversed(self.manager.list_name_plugin())
            if plugin is not None
        ]

    def _register(self, plugin: Any, name: str, origin: str) -> None:
        if problem := register(self.manager, plugin, name):
            skip(name, problem)
            return
        self._origins[name] = origin
        for caller, implementation in implementations(self.manager, plugin):
            name_failures(caller.name, implementation)

    def _each(self, hook: str) -> Iterator[tuple[str, pluggy.HookCaller]]:
        """Yield each plugin's name and a call of its own *hook*, in registration order.

        Each call includes the wrappers of other plugins. Plugins are called one at a time, so
        that one that raises does not hide the others and each offer is attributed to its plugin.
        """
        offering = [
            each.plugin
            for each in getattr(self.manager.hook, hook).get_hookimpls()
            if not (each.wrapper or each.hookwrapper)
        ]
        for name, plugin in self.manager.list_name_plugin():
            if plugin in offering:
                others = [each for each in offering if each is not plugin]
                yield name, self.manager.subset_hook_caller(hook, others)

    def _items(self, hook: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        for plugin, call in self._each(hook):
            for offered in _attempt(plugin, call):
                if isinstance(offered, str | Mapping) or not isinstance(offered, Iterable):
                    _leave_out(
                        plugin,
                        f"{hook} must return a list of {kind.__name__} objects, got {shown(offered)}",
                    )
                    continue
                for item in offered:
                    if isinstance(item, kind):
                        yield plugin, item
                    else:
                        only = f"{hook} must return only {kind.__name__} objects"
                        _leave_out(plugin, f"{only}, got {shown(item)}")

    def _commands(self) -> Iterator[tuple[str, dict[str, click.Command]]]:
        import click

        for plugin, call in self._each("emo2vec_commands"):
            cli = click.Group()  # a separate group: a plugin that fails half-way adds nothing
            results = _attempt(plugin, call, cli=cli)
            if results == [None]:
                usable = {}
                for name, command in cli.commands.items():
                    if problem := problem_of_command(name, command):
                        _leave_out(plugin, f"emo2vec_commands {problem}")
                    else:
                        usable[name] = command
                yield plugin, usable
            elif results:
                _leave_out(plugin, f"emo2vec_commands must return None, got {shown(results[0])}")


def _attempt(plugin: str, call: pluggy.HookCaller, **arguments: Any) -> list[Any]:
    """Return a plugin's results: ``[None]`` if it returned nothing, ``[]`` if it raised."""
    try:
        return call(**arguments) or [None]
    except PluginError as error:
        _leave_out(plugin, str(error).removeprefix(f"plugin {plugin!r} "))
    return []


def default_plugins() -> Plugins:
    """Return the built-in and the installed plugins; cached for the process."""
    with _default_lock:  # otherwise two threads would both load them and both warn
        return _default()


_default_lock = RLock()
_default = cache(Plugins)


def as_plugins(plugins: Plugins | None) -> Plugins:
    """Return *plugins*, or the default plugins if it is None.

    Raises:
        OptionsError: If *plugins* is not a `Plugins` object.
    """
    if not isinstance(plugins, Plugins | None):
        raise OptionsError(
            f"plugins must be a Plugins object, got {kind_of(plugins)}: use Plugins([...])"
        )
    return default_plugins() if plugins is None else plugins


def _free_name(manager: pluggy.PluginManager, plugin: Any) -> str:
    """Return a module's name or an object's class, with a number if the name is taken."""
    try:
        name = str(plugin.__name__)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - from an attribute of the plugin
        name = type(plugin).__qualname__
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    # By identity, because comparing plugins may raise anything, too.
    free = (id(None), id(plugin))
    return next(each for each in names if id(manager.get_plugin(each)) in free)


def _leave_out(plugin: str, reason: str) -> None:
    warn(f"left out a part of plugin {plugin!r}: {reason}", PluginWarning)
