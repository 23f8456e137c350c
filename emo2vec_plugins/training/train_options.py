"""The options of ``emo2vec train``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from emo2vec_plugins import cli
from emo2vec_plugins.core import DEFAULT_MODEL

CACHE = "emo2vec-plugins/embeddings"
"""Where embeddings are kept, in the user's cache folder."""


def _settings(_: click.Context, __: click.Parameter, given: Sequence[str]) -> dict[str, Any]:
    import yaml

    changes: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.BadParameter(f"a setting is FIELD=VALUE, got {each!r}")
        try:
            changes[name.strip().replace("-", "_")] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise click.BadParameter(f"{each!r}: the value is not YAML") from error
    return changes


_CONFIG = "Train a new network instead: a config.yaml, or 'tiny' for the embedded model's shape."
_TUNE = "What learns: a new head, the head and the last blocks, everything.  [default: head]"
_PATIENCE = "Stop when the development turns got no better for so long."
_PRECISION = "Of mixed-precision training; weights stay float32."

RECIPE_FIELDS: dict[str, Any] = {
    "tune": cli.option("--tune", _TUNE, type=click.Choice(["head", "top", "all"])),
    "network": cli.option("--new CONFIG", _CONFIG, name="network"),
    "blocks": cli.option("--blocks", "Of --tune top.", type=cli.COUNT),
    "epochs": cli.option("--epochs", "At most.", type=cli.COUNT),
    "seed": cli.option("--seed", "Of everything that is drawn.", type=click.IntRange(min=0)),
    "learning_rate": cli.option("--learning-rate RATE", "The highest.", type=float),
    "patience": cli.option("--patience EPOCHS", _PATIENCE, type=cli.COUNT),
    "precision": cli.option(
        "--precision", _PRECISION, type=click.Choice(["float32", "bfloat16", "float16"])
    ),
}
"""Options that are fields of the recipe, and stand above those of its file."""

_SET = "Any other field of the recipe, as YAML: --set 'noise=[15, 50]'."
_SHARE = "Evaluate on about this share of the speakers."
_LEAVE_OUT = "Train one model without each speaker in turn, and evaluate them all."
_GROUP = "What may not be in training and in development."
_CACHED = f"Where embeddings are kept.  [default: {CACHE} in the user's cache]"

_OTHERS: dict[str, Any] = {
    "settings": cli.option(
        "--set FIELD=VALUE", _SET, name="settings", multiple=True, callback=_settings
    ),
    "dev": cli.option("--dev CUTS", "Evaluate on these cuts."),
    "dev_speakers": cli.option(
        "--dev-speakers A,B,...", "Evaluate on these speakers.", callback=cli.names
    ),
    "dev_share": cli.option("--dev-share SHARE", _SHARE, type=float),
    "leave_one_speaker_out": cli.option("--leave-one-speaker-out", _LEAVE_OUT),
    "group": cli.choice_option("--group", "speaker", "recording", help=_GROUP),
    "card_notes": cli.option("--card-notes FILE", "Markdown to put into the model card."),
    "title": cli.option("--title TEXT", "Heading of the model card.  [default: DIR]"),
    "device": cli.device_option,
    "threads": cli.threads_option,
    "cache_dir": cli.option("--cache-dir DIR", _CACHED),
}

_MODEL: dict[str, Any] = {
    "recipe_file": cli.option("--recipe FILE", "YAML of a recipe's fields.", name="recipe_file"),
    "model": cli.model_option(None, otherwise=DEFAULT_MODEL),
}

train_options = cli.gathered("given", dict, {**_MODEL, **RECIPE_FIELDS, **_OTHERS})
"""Gives a command the options; it is called with ``given=``, a dictionary of their values."""
