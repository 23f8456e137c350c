"""Finding plugins, keeping broken ones out, and calling their hooks with types."""

from __future__ import annotations

import importlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from emo2vec_plugins.core import hookspecs
from emo2vec_plugins.core.backend import NamedModel
from emo2vec_plugins.core.built_in import built_in_plugins
from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.session import Options, Session
from emo2vec_plugins.errors import (
    FormatError,
    OptionsError,
    PluginError,
    PluginWarning,
    SourceError,
    warn,
)

if TYPE_CHECKING:
    import click

STEPS = ("clips", "take", "finish")
"""What a session can do."""

T = TypeVar("T", Format, NamedModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """Who is there and what they offer.

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
    arguments that its hook has not, is skipped with one `PluginWarning` that names it.

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
        for name, module in built_in_plugins().items():
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
        for name, call in reversed(self._calls("emo2vec_open", source=source, options=options)):
            try:
                session: Session | None = call()
            except Exception as error:
                raise PluginError(
                    f"plugin {name!r} failed in emo2vec_open: {type(error).__name__}: {error}"
                ) from error
            if session is None:
                continue
            lacking = [step for step in STEPS if not callable(getattr(session, step, None))]
            if lacking:
                raise PluginError(
                    f"plugin {name!r}: emo2vec_open is to return a session, or None; "
                    f"got {session!r:.100}, which has no {', '.join(lacking)}"
                )
            return session
        raise SourceError(
            f"no plugin opens {type(source).__module__}.{type(source).__qualname__}; "
            "'emo2vec plugins' lists who is there"
        )

    def formats(self) -> dict[str, Format]:
        """Return every annotation format by name, the last registered winning."""
        return self._collect("emo2vec_formats", Format)

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
        return self._collect("emo2vec_models", NamedModel)

    def add_commands(self, cli: click.Group) -> None:
        """Let every plugin add its commands; one that raises is skipped with a warning.

        Of two commands with one name the first registered stays: no plugin changes what a
        built-in command does.
        """
        for plugin, commands in self._commands():
            for name, command in commands.items():
                if name in cli.commands:
                    _skip(plugin, f"its command {name!r}: there is one of that name already")
                else:
                    cli.add_command(command, name)

    def offers(self) -> dict[str, list[str]]:
        """Return what each plugin offers, by its name: ``format srt``, ``model tiny``, ``command x``.

        A plugin that only opens sources offers nothing by name, and is left out.
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
            _skip(entry.name, f"cannot be imported: {type(error).__name__}: {error}")
        else:
            self._register(plugin, entry.name, origin)

    def _register(self, plugin: Any, name: str, origin: str) -> None:
        if self.manager.has_plugin(name):
            _skip(name, "another plugin has the same name")
            return
        if self.manager.is_registered(plugin):
            _skip(name, f"it is here already, as {self.manager.get_name(plugin)!r}")
            return
        if isinstance(plugin, type):
            _skip(name, f"it is a class; give an object of it: {plugin.__name__}()")
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
            _skip(name, problem)
        else:
            self._origins[name] = origin

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
        if any(hook.hookwrapper or hook.wrapper for _, hook in hooks):
            return "it wraps a hook; hooks are called one by one and cannot be wrapped"
        if not hooks:
            return "it has no hooks: functions marked with emo2vec_plugins.hookimpl"
        return None

    def _misnamed(self, plugin: Any) -> str | None:
        """Return which arguments a hook asks for that it has not."""
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

    def _calls(self, hook: str, **arguments: Any) -> list[tuple[str, Callable[[], Any]]]:
        """Return each plugin's name and its call of *hook*, first registered first."""
        return [
            (
                implementation.plugin_name,
                partial(
                    implementation.function,
                    **{name: arguments[name] for name in implementation.argnames},
                ),
            )
            for implementation in getattr(self.manager.hook, hook).get_hookimpls()
        ]

    def _each(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call *hook* of one plugin after the other, first registered first."""
        for name, call in self._calls(hook, **arguments):
            yield from _attempt(hook, name, call)

    def _commands(self) -> Iterator[tuple[str, dict[str, click.Command]]]:
        """Yield each plugin's commands; one that raises half-way has none."""
        import click

        cli = click.Group()
        for plugin, call in self._calls("emo2vec_commands", cli=cli):
            cli.commands.clear()
            for name, result in _attempt("emo2vec_commands", plugin, call):
                if result is not None:
                    _skip(name, f"emo2vec_commands is to return nothing, got {result!r}")
                else:
                    yield name, dict(cli.commands)

    def _collect(self, hook: str, kind: type[T]) -> dict[str, T]:
        return {item.name: item for _, item in self._items(hook, kind)}

    def _items(self, hook: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        for plugin, offered in self._each(hook):
            if isinstance(offered, (str, Mapping)) or not isinstance(offered, Iterable):
                _skip(plugin, f"{hook} is to return a list of {kind.__name__}, got {offered!r}")
                continue
            for item in offered:
                if isinstance(item, kind):
                    yield plugin, item
                else:
                    _skip(plugin, f"{hook} is to give {kind.__name__} objects, got {item!r}")


def _attempt(hook: str, name: str, call: Callable[[], Any]) -> Iterator[tuple[str, Any]]:
    """Yield a plugin's name and what its hook returns, or nothing but a warning if it raises."""
    try:
        result = call()
        if isinstance(result, Iterator):
            result = list(result)
    except Exception as error:  # noqa: BLE001 - one broken plugin, not the run
        _skip(name, f"failed in {hook}: {type(error).__name__}: {error}")
    else:
        yield name, result


def _name(plugin: Any) -> str:
    return str(getattr(plugin, "__name__", None) or type(plugin).__qualname__)


def _skip(plugin: str, why: str) -> None:
    warn(f"plugin {plugin!r} was skipped: {why}", PluginWarning)
