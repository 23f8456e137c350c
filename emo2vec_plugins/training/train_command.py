"""``emo2vec train``: cuts with emotion labels in, a model folder out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins.cli import note
from emo2vec_plugins.core import DEFAULT_MODEL
from emo2vec_plugins.training.train_options import CACHE, Order


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


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (value or "").split(",") if name.strip())


@click.command()
@click.argument("source", metavar="CUTS")
@click.option("-o", "--out", metavar="FOLDER", required=True, help="The folder to make.")
@click.option("--recipe", "recipe_file", metavar="FILE", help="YAML of a recipe's fields.")
@click.option(
    "-m",
    "--model",
    metavar="NAME",
    help=f"The model to start from: a name, a folder, a hub's id.  [default: {DEFAULT_MODEL}]",
)
@click.option(
    "--tune",
    type=click.Choice(["head", "top", "all"]),
    help="What learns: a new head, the head and the last blocks, everything.  [default: head]",
)
@click.option(
    "--new",
    "network",
    metavar="CONFIG",
    help="Train a new network instead: a config.yaml, or 'tiny' for the embedded model's shape.",
)
@click.option("--blocks", type=click.IntRange(min=1), help="Of --tune top.")
@click.option("--epochs", type=click.IntRange(min=1), help="At most.")
@click.option("--seed", type=click.IntRange(min=0), help="Of everything that is drawn.")
@click.option("--learning-rate", type=float, metavar="RATE", help="The highest.")
@click.option(
    "--patience",
    type=click.IntRange(min=1),
    metavar="EPOCHS",
    help="Stop when the development turns got no better for so long.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    help="Of arithmetic where that is safe; weights stay float32.",
)
@click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    callback=_settings,
    help="Any other field of the recipe, as YAML: --set 'noise=[15, 50]'.",
)
@click.option("--dev", metavar="CUTS", help="Judge by these cuts.")
@click.option("--dev-speakers", metavar="A,B,...", callback=_names, help="Judge by these speakers.")
@click.option(
    "--dev-share", type=float, metavar="SHARE", help="Judge by about this share of the speakers."
)
@click.option(
    "--leave-one-speaker-out",
    is_flag=True,
    help="Train one model for each speaker, without him or her, and judge them all.",
)
@click.option(
    "--group",
    type=click.Choice(["speaker", "recording"]),
    default="speaker",
    show_default=True,
    help="What may not be in training and in development.",
)
@click.option("--field", metavar="NAME", default="emotion", show_default=True, help="The label's.")
@click.option("--label-map", metavar="FILE", help="YAML: what the corpus's names mean.")
@click.option("--skip-unlabelled", is_flag=True, help="Leave out turns without a label.")
@click.option("--card-notes", metavar="FILE", help="Markdown to put into the model card.")
@click.option("--title", metavar="TEXT", help="Heading of the model card.  [default: FOLDER]")
@click.option("--device", metavar="NAME", help="cpu, cuda, ...  [default: the best there is]")
@click.option("--threads", type=click.IntRange(min=1), help="Of the CPU.  [default: torch's own]")
@click.option(
    "--cache", metavar="FOLDER", help=f"Of embeddings.  [default: {CACHE} in the user's cache]"
)
@click.option("-q", "--quiet", is_flag=True, help="No progress, no summary.")
@click.pass_context
def train(ctx: click.Context, /, *, source: str, out: str, quiet: bool, **given: Any) -> None:
    """Train a model on Lhotse cuts with emotion labels.

    CUTS is a .jsonl or .jsonl.gz whose supervisions have a label and a speaker. A run that was
    killed goes on when the same command is given again. With --leave-one-speaker-out, FOLDER
    gets a table of results instead of a model.
    """
    order = Order(source=source, out=Path(out), quiet=quiet, given=given)
    if given["threads"] is not None:
        _set_threads(given["threads"])
    try:
        if given["leave_one_speaker_out"]:
            order.cross_validate(ctx)
        else:
            order.train(ctx)
    except KeyboardInterrupt:
        note("the same command again goes on after the last finished epoch", quiet=quiet)
        raise


def _set_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)
