"""The hooks: what a plugin may implement, and what is expected of it.

A plugin is any object with functions of these names, marked with `hookimpl`, that is installed
under the entry-point group ``emo2vec_plugins`` or passed to `Plugins`. Installed plugins are
asked before the built-in ones, the last installed first. A hook that raises fails the source it
was called for, never the run.
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
"""Name of pluggy's project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def emo2vec_open(source: Any, options: Options) -> Session | None:
    """Open a source that is to be annotated, or return None if it is not yours.

    Decide by type, cheaply, and without importing the library that the type comes from: if that
    library is not in ``sys.modules``, the source cannot be one of its objects. Audio is read
    later, through the clips.

    Args:
        source: Any object: a cut, a diarization, a path, an object of your toolkit.
        options: What the user asked for.
    """


@hookspec
def emo2vec_formats() -> Iterable[Format]:  # type: ignore[empty-body]
    """Return the annotation formats you can read or write.

    Of two formats with one name, the one registered last is used.
    """


@hookspec
def emo2vec_models() -> Iterable[NamedModel]:  # type: ignore[empty-body]
    """Return the models, or ways to load models, that you offer by name.

    Of two models with one name, the one registered last is used.
    """


@hookspec
def emo2vec_commands(cli: click.Group) -> None:
    """Add commands to the ``emo2vec`` command line.

    Args:
        cli: The group; add to it with ``@cli.command()``.
    """
