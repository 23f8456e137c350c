"""``emo2vec models`` and ``emo2vec plugins``: what there is to choose from."""

from __future__ import annotations

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.output import print_table
from emo2vec_plugins.core import DEFAULT_MODEL


@click.command()
@click.pass_context
def models(ctx: click.Context) -> None:
    """List the models that have a name.

    Folders and identifiers of hubs can be passed to --model as well.
    """
    found = plugins_of(ctx).models()
    rows = []
    for name, model in sorted(found.items()):
        given = f"{name}:SOURCE" if model.needs_source else name
        default = " (the default)" if name == DEFAULT_MODEL else ""
        rows.append((given, model.description + default))
    print_table(("model", "what it is"), rows)


@click.command()
@click.pass_context
def plugins(ctx: click.Context) -> None:
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
