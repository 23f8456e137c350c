"""``--allow`` and ``--root``: what the inputs of a command may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from emo2vec_plugins.cli.options import option
from emo2vec_plugins.core import KINDS, Permissions

_PLACE = f"{__name__}.given"


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # In the context, because several arguments of a command need the values.
    ctx.meta.setdefault(_PLACE, {})[param.name] = value


allow_option = option(
    "--allow KIND",
    f"Let inputs do what is refused by default: {', '.join(KINDS)}. Only for files you trust. "
    "Repeatable.",
    type=click.Choice([*KINDS]),
    multiple=True,
    expose_value=False,
    callback=_remember,
)
root_option = option(
    "--root DIR",
    "Read audio only in this folder.  [default: anywhere]",
    expose_value=False,
    callback=_remember,
)


def permission_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--allow`` and ``--root`` to a command, which gets them from `permissions_of`."""
    return allow_option(root_option(command))


def permissions_of(ctx: click.Context | None = None) -> Permissions:
    """Return the values of ``--allow`` and ``--root`` for the running command.

    Raises:
        OptionsError: If the root is not a folder.
    """
    given = (ctx or click.get_current_context()).meta.get(_PLACE, {})
    return Permissions(**given)
