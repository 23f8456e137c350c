"""The options of ``emo2vec train``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from emo2vec_plugins import cli
from emo2vec_plugins.core import DEFAULT_MODEL, shown
from emo2vec_plugins.errors import FormatError

CACHE = "emo2vec-plugins/embeddings"
"""Folder of the embeddings within the user's cache folder."""


def _settings(_: click.Context, __: click.Parameter, given: Sequence[str]) -> dict[str, Any]:
    from emo2vec_plugins.files import from_yaml

    changes: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.BadParameter(f"expected FIELD=VALUE, got {shown(each)}")
        try:
            changes[name.strip().replace("-", "_")] = from_yaml(value, where=shown(each))
        except FormatError as error:
            raise click.BadParameter(str(error)) from error
    return changes


def _field(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():  # perhaps an unset variable of a shell
        raise click.BadParameter("expected the name of a field, got an empty one")
    return value


_CONFIG = (
    "Train a new network: the path of a config.yaml, or 'tiny' for the embedded model's shape."
)
_TUNE = "Train a new head, the head and the last blocks, or everything.  [default: head]"
_BLOCKS = "Number of last blocks that --tune top trains."
_EPOCHS = "Largest number of epochs."
_SEED = "Seed of all random choices."
_RATE = "Highest learning rate."
_PATIENCE = "Stop after this many epochs without improvement on the development turns."
_PRECISION = "Arithmetic of mixed-precision training; the weights stay float32."

RECIPE_FIELDS: dict[str, Any] = {
    "tune": cli.option("--tune", _TUNE, type=click.Choice(["head", "top", "all"])),
    "network": cli.option("--new CONFIG", _CONFIG, name="network"),
    "blocks": cli.option("--blocks", _BLOCKS, type=cli.COUNT),
    "epochs": cli.option("--epochs", _EPOCHS, type=cli.COUNT),
    "seed": cli.option("--seed", _SEED, type=cli.Integer(min=0)),
    "learning_rate": cli.option("--learning-rate RATE", _RATE, type=cli.POSITIVE),
    "patience": cli.option("--patience EPOCHS", _PATIENCE, type=cli.COUNT),
    "precision": cli.option(
        "--precision", _PRECISION, type=click.Choice(["float32", "bfloat16", "float16"])
    ),
}
"""Options that are fields of the recipe; they override the recipe file."""

_SET = "Set any field of the recipe, as YAML: --set 'noise=[15, 50]'. Repeatable."
_ALSO = "More turns, for training only: never evaluated on. Repeatable."
_SHARE = "Evaluate on about this share of the speakers."
_LEAVE_OUT = (
    "Train one model without each speaker, recording, corpus or value of another field in turn, and "
    "evaluate each on what was left out."
)
_GROUP = "What training and development turns must not share: speaker, recording or another field."
_CHECK = "Look for what could spoil the model, in the manifest and the audio; train nothing."
_CACHED = f"Folder of cached embeddings.  [default: {CACHE} in the user's cache]"

_OTHERS: dict[str, Any] = {
    "settings": cli.option(
        "--set FIELD=VALUE", _SET, name="settings", multiple=True, callback=_settings
    ),
    "also": cli.option("--also CUTS", _ALSO, multiple=True),
    "dev": cli.option("--dev CUTS", "Evaluate on the turns of these cuts."),
    "dev_speakers": cli.option(
        "--dev-speakers A,B,...",
        "Evaluate on these speakers, or values of --group.",
        callback=cli.names,
    ),
    "dev_share": cli.option("--dev-share SHARE", _SHARE, type=cli.Number(0, 0.5, min_open=True)),
    "leave_one_out": cli.option("--leave-one-out FIELD", _LEAVE_OUT, callback=_field),
    "group": cli.option("--group FIELD", f"{_GROUP}  [default: speaker]", callback=_field),
    "check": cli.option("--check", _CHECK),
    "card_notes": cli.option("--card-notes FILE", "Markdown to include in the model card."),
    "title": cli.option("--title TEXT", "Title of the model card.  [default: DIR]"),
    "device": cli.device_option,
    "threads": cli.threads_option,
    "cache_dir": cli.option("--cache-dir DIR", _CACHED),
}

_MODEL: dict[str, Any] = {
    "recipe_file": cli.option("--recipe FILE", "Recipe, as a YAML file.", name="recipe_file"),
    "model": cli.model_option(None, otherwise=DEFAULT_MODEL),
}

train_options = cli.gathered("given", dict, {**_MODEL, **RECIPE_FIELDS, **_OTHERS})
"""Adds the options to a command, which receives ``given=``, a dictionary of their values."""


def refuse_contradictions(given: dict[str, Any]) -> None:
    """Refuse options that contradict each other, whatever the recipe.

    Raises:
        click.UsageError: If there are some.
    """
    if given["tune"] and given["network"]:
        why = "--tune needs an existing model, --new trains a new network"
        raise click.UsageError(f"--tune and --new cannot be used together: {why}")
    purposes = {
        ("dev", "dev_speakers", "dev_share"): "which tests on each group",
        ("group",): "whose FIELD is the group",
        ("card_notes", "title"): "which writes no model card",
    }
    for names, why in purposes.items():
        if given["leave_one_out"] and any(given[name] is not None for name in names):
            options = " and ".join(f"--{name.replace('_', '-')}" for name in names)
            raise click.UsageError(f"{options} cannot be used with --leave-one-out, {why}")
