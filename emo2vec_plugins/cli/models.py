"""``emo2vec models`` and ``emo2vec plugins``: what can be named in other commands, and by whom."""

from __future__ import annotations

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.output import print_table
from emo2vec_plugins.core import DEFAULT_MODEL


@click.command("models")
@click.pass_context
def models_command(ctx: click.Context) -> None:
    """List the models that have a name.

    Folders and identifiers of hubs can be passed to --model as well.
    """
    rows = []
    for name, model in sorted(plugins_of(ctx).models().items()):
        default = " (the default)" if name == DEFAULT_MODEL else ""
        given = f"{name}:SOURCE" if model.needs_source else name
        rows.append((given, model.description + default))
    print_table(("model", "what it is"), rows)


@click.command("plugins")
@click.pass_context
def plugins_command(ctx: click.Context) -> None:
    """List plugins and what they offer.

    They are asked in this order.
    """
    found = plugins_of(ctx)
    offers = found.offers()
    rows = [
        (
            plugin.name,
            plugin.origin,
            ", ".join(hook.removeprefix("emo2vec_") for hook in plugin.hooks),
            ", ".join(offers.get(plugin.name, ())),
        )
        for plugin in found.describe()
    ]
    print_table(("plugin", "origin", "hooks", "offers"), rows)
