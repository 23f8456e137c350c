"""All commands of ``emo2vec``, and what they write."""

from __future__ import annotations

import click

from emo2vec_plugins.cli import main
from emo2vec_plugins.cli.files import OutputName


def commands(group=main, path=()):
    """Yield the words of each command and the command, groups within groups included."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())
"""Each command by its words."""


OUTPUTS = [
    (words, each)
    for words, command in COMMANDS.items()
    for each in command.params
    if isinstance(each.type, OutputName)
]
"""(words of the command, parameter) for each parameter that names a file or folder to write."""
