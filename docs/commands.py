"""The commands of ``emo2vec`` by name, for the directives of the command-line page.

Commands are imported when they are used, so they are attributes of no module. Here
``commands:pseudo_label`` is the command ``emo2vec pseudo-label``.
"""

from __future__ import annotations

import click

from emo2vec_plugins.cli import main


def __getattr__(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name.replace("_", "-"))
    if command is None:
        raise AttributeError(f"there is no command {name!r}")
    return with_defaults(command)


def with_defaults(command: click.Command) -> click.Command:
    """Show the defaults of options, as ``--help`` does; sphinx-click reads it from each option."""
    for option in command.params:
        if isinstance(option, click.Option) and not option.is_flag and option.show_default is None:
            option.show_default = isinstance(option.default, str | int | float)
    for inner in getattr(command, "commands", {}).values():
        with_defaults(inner)
    return command
