"""The options of ``emo2vec train``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from emo2vec_plugins.cli import (
    choice_option,
    device_option,
    gathered,
    model_option,
    names,
    threads_option,
)
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


RECIPE_FIELDS = {
    "tune": click.option(
        "--tune",
        type=click.Choice(["head", "top", "all"]),
        help="What learns: a new head, the head and the last blocks, everything.  [default: head]",
    ),
    "network": click.option(
        *("--new", "network"),
        metavar="CONFIG",
        help="Train a new network instead: a config.yaml, or 'tiny' for the embedded model's shape.",
    ),
    "blocks": click.option("--blocks", type=click.IntRange(min=1), help="Of --tune top."),
    "epochs": click.option("--epochs", type=click.IntRange(min=1), help="At most."),
    "seed": click.option("--seed", type=click.IntRange(min=0), help="Of everything that is drawn."),
    "learning_rate": click.option(
        "--learning-rate", type=float, metavar="RATE", help="The highest."
    ),
    "patience": click.option(
        "--patience",
        type=click.IntRange(min=1),
        metavar="EPOCHS",
        help="Stop when the development turns got no better for so long.",
    ),
    "precision": click.option(
        "--precision",
        type=click.Choice(["float32", "bfloat16", "float16"]),
        help="Of mixed-precision training; weights stay float32.",
    ),
}
"""Options that are fields of the recipe, and stand above those of its file."""

_OTHERS: dict[str, Any] = {
    "settings": click.option(
        *("--set", "settings"),
        metavar="FIELD=VALUE",
        multiple=True,
        callback=_settings,
        help="Any other field of the recipe, as YAML: --set 'noise=[15, 50]'.",
    ),
    "dev": click.option("--dev", metavar="CUTS", help="Evaluate on these cuts."),
    "dev_speakers": click.option(
        "--dev-speakers", metavar="A,B,...", callback=names, help="Evaluate on these speakers."
    ),
    "dev_share": click.option(
        "--dev-share",
        type=float,
        metavar="SHARE",
        help="Evaluate on about this share of the speakers.",
    ),
    "leave_one_speaker_out": click.option(
        "--leave-one-speaker-out",
        is_flag=True,
        help="Train one model without each speaker in turn, and evaluate them all.",
    ),
    "group": choice_option(
        "--group", "speaker", "recording", help="What may not be in training and in development."
    ),
    "card_notes": click.option(
        "--card-notes", metavar="FILE", help="Markdown to put into the model card."
    ),
    "title": click.option(
        "--title", metavar="TEXT", help="Heading of the model card.  [default: DIR]"
    ),
    "device": device_option,
    "threads": threads_option,
    "cache_dir": click.option(
        "--cache-dir",
        metavar="DIR",
        help=f"Where embeddings are kept.  [default: {CACHE} in the user's cache]",
    ),
}

train_options = gathered(
    "given",
    dict,
    {
        "recipe_file": click.option(
            "--recipe", "recipe_file", metavar="FILE", help="YAML of a recipe's fields."
        ),
        "model": model_option(None, otherwise=DEFAULT_MODEL),
        **RECIPE_FIELDS,
        **_OTHERS,
    },
)
"""Gives a command the options; it is called with ``given=``, a dictionary of their values."""
