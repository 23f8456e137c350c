"""The hooks that a plugin can implement.

A plugin is any object with functions of these names, marked with `hookimpl`. Install it under
the entry-point group ``emo2vec_plugins`` or pass it to `Plugins`. Installed plugins are called
before built-in ones, the last installed first. A hook that raises fails the source it was called
for, never the run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from emo2vec_plugins.core.backend import NamedModel
    from emo2vec_plugins.core.format import Format
    from emo2vec_plugins.core.session import Options, Session

PROJECT = "emo2vec_plugins"
"""Name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def emo2vec_open(source: Any, options: Options) -> Session | None:
    """Return a session over a source, or None if your plugin does not handle it.

    Decide quickly, by type. Do not import the library that defines the type: if it is not in
    ``sys.modules``, the source cannot be one of its objects. Audio is read later, through the
    clips.

    Args:
        source: Any object: a cut, a diarization, a path, an object of your toolkit.
        options: The user's options.
    """


@hookspec
def emo2vec_formats() -> Iterable[Format]:  # type: ignore[empty-body]
    """Return the annotation formats your plugin can read or write.

    If two formats have the same name, the last one registered is used.
    """


@hookspec
def emo2vec_models() -> Iterable[NamedModel]:  # type: ignore[empty-body]
    """Return the models or model loaders your plugin offers by name.

    If two models have the same name, the last one registered is used.
    """


@hookspec
def emo2vec_commands(cli: click.Group) -> None:
    """Add commands to the ``emo2vec`` command line.

    Args:
        cli: The command group; add to it with ``@cli.command()``.
    """
