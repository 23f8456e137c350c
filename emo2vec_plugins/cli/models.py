"""``emo2vec models``, ``formats`` and ``plugins``: list what other commands can use."""

from __future__ import annotations

import os
from typing import Any

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import option
from emo2vec_plugins.cli.output import note, print_json, print_table
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import DEFAULT_MODEL, DISABLED

json_option = option("--json", "Print JSON instead of a table.", name="as_json")


@command("models")
@json_option
@click.pass_context
def models_command(ctx: click.Context, *, as_json: bool) -> None:
    """List named models, for --model.

    --model also takes a folder or a hub identifier.

    \b
    Examples:
      emo2vec models
      emo2vec models --json
    """
    models: list[dict[str, Any]] = [
        {
            "name": f"{name}:SOURCE" if model.needs_source else name,
            "description": model.description,
            "default": name == DEFAULT_MODEL,
        }
        for name, model in sorted(plugins_of(ctx).models().items())
    ]
    if as_json:
        print_json(models)
        return
    rows = [
        (model["name"], f"{model['description']}{' (the default)' if model['default'] else ''}")
        for model in models
    ]
    print_table(("model", "description"), rows)


@command("formats")
@json_option
@click.pass_context
def formats_command(ctx: click.Context, *, as_json: bool) -> None:
    """List annotation formats, for --format.

    A file's suffix chooses its format; the longest suffix wins.

    \b
    Examples:
      emo2vec formats
      emo2vec formats --json
    """
    formats: list[dict[str, Any]] = [
        {
            "name": name,
            "suffixes": list(format_.suffixes),
            "reads": format_.loads is not None,
            "writes": format_.dumps is not None,
            "description": format_.description,
        }
        for name, format_ in sorted(plugins_of(ctx).formats().items())
    ]
    if as_json:
        print_json(formats)
        return
    rows = [
        (
            each["name"],
            " ".join(each["suffixes"]),
            "+".join(
                verb for verb, can in (("read", each["reads"]), ("write", each["writes"])) if can
            ),
            each["description"],
        )
        for each in formats
    ]
    print_table(("format", "suffixes", "can", "description"), rows)


@command("plugins")
@json_option
@click.pass_context
def plugins_command(ctx: click.Context, *, as_json: bool) -> None:
    """List plugins, their hooks, formats, models and commands.

    Plugins are called in this order. EMO2VEC_DISABLE_PLUGINS=NAME,... leaves installed plugins out,
    and EMO2VEC_DISABLE_PLUGINS=all leaves out all of them.

    \b
    Examples:
      emo2vec plugins
      emo2vec plugins --json
    """
    found = plugins_of(ctx)
    offers = found.offers()
    if off := os.environ.get(DISABLED):
        note(f"left out by {DISABLED}: {off}", quiet=False)
    plugins: list[dict[str, Any]] = [
        {
            "name": plugin.name,
            "origin": plugin.origin,
            "hooks": [hook.removeprefix("emo2vec_") for hook in plugin.hooks],
            "offers": list(offers.get(plugin.name, ())),
        }
        for plugin in found.describe()
    ]
    if as_json:
        print_json(plugins)
        return
    rows = [
        (each["name"], each["origin"], ", ".join(each["hooks"]), ", ".join(each["offers"]))
        for each in plugins
    ]
    print_table(("plugin", "origin", "hooks", "offers"), rows)
