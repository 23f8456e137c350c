"""``emo2vec train``: cuts with emotion labels in, a model folder out."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.output import counted, note, progress
from emo2vec_plugins.errors import MissingExtraError
from emo2vec_plugins.labelled import LabelMap
from emo2vec_plugins.loading import DEFAULT_MODEL, load_model

if TYPE_CHECKING:
    from emo2vec_plugins.training.card import Story
    from emo2vec_plugins.training.examples import Example
    from emo2vec_plugins.training.fit import Means
    from emo2vec_plugins.training.progress import Row
    from emo2vec_plugins.training.recipe import Recipe
    from emo2vec_plugins.training.split import Split

_FIELDS = ("tune", "network", "blocks", "epochs", "seed", "learning_rate", "patience", "precision")
"""Options that are fields of the recipe."""

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
@click.option("--half", is_flag=True, help="Save model.safetensors in half precision.")
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
    order = _Order(source=source, out=Path(out), quiet=quiet, given=given)
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


class _Order:
    """What a command line asks for, as the values that the library takes."""

    def __init__(self, *, source: str, out: Path, quiet: bool, given: dict[str, Any]) -> None:
        _check_library()
        self._source = source
        self._out = out
        self._quiet = quiet
        self._given = given
        self._map = LabelMap.read(given["label_map"]) if given["label_map"] else LabelMap()
        self._recipe = self._asked()

    def train(self, ctx: click.Context) -> None:
        """Train one model, and show what it hears in the development turns."""
        from emo2vec_plugins.training.run import train as run

        split = self._split()
        with self._telling() as (told, embedded):
            trained = run(
                split,
                self._recipe,
                out=self._out,
                means=self._means(ctx, embedded),
                story=self._story(),
                done=told,
            )
        if trained.evaluation is not None and not self._quiet:
            click.echo(trained.evaluation.table())
        epochs = counted(len(trained.rows), "epoch")
        note(
            f"{self._out}: trained on {counted(len(split.train), 'turn')} for {epochs}; the "
            f"weights are those of epoch {trained.best}",
            quiet=self._quiet,
        )

    def cross_validate(self, ctx: click.Context) -> None:
        """Train without each speaker, and show the table."""
        from emo2vec_plugins.training.crossvalidate import cross_validate

        given = self._given
        if given["dev"] or given["dev_speakers"] or given["dev_share"] is not None:
            raise click.UsageError("--leave-one-speaker-out judges by who is left out: no --dev")
        examples = self._examples(self._source)
        with self._telling() as (told, embedded):

            def tell(name: str, row: Row | None) -> None:
                if row is None:
                    note(f"{given['group']} {name} is judged", quiet=self._quiet)
                else:
                    told(row)

            result = cross_validate(
                examples,
                self._recipe,
                out=self._out,
                means=self._means(ctx, embedded),
                group=given["group"],
                done=tell,
            )
        click.echo(result.table(), nl=False)
        note(f"the table and all scores are in {self._out}", quiet=self._quiet)

    def _asked(self) -> Recipe:
        from emo2vec_plugins.training.recipe import Recipe, read_recipe

        given = self._given
        if given["tune"] and given["network"]:
            raise click.UsageError("--tune is for a model that is there, --new for none")
        recipe = read_recipe(given["recipe_file"]) if given["recipe_file"] else Recipe()
        changes = {name: given[name] for name in _FIELDS if given[name] is not None}
        if given["network"]:
            changes["tune"] = "new"
        if given["half"]:
            changes["half"] = True
        recipe = recipe.but({**changes, **given["settings"]})
        if given["blocks"] and recipe.tune != "top":
            raise click.UsageError("--blocks is for --tune top")
        if given["model"] and recipe.tune == "new":
            raise click.UsageError("--model is for --tune: a new network starts from nothing")
        return recipe

    def _examples(self, path: str) -> list[Example]:
        from emo2vec_plugins.training.examples import read_cuts, read_examples

        return read_examples(
            read_cuts(path),
            field=self._given["field"],
            label_map=self._map,
            skip_unlabelled=self._given["skip_unlabelled"],
        )

    def _split(self) -> Split:
        from emo2vec_plugins.training.split import make_split

        given = self._given
        return make_split(
            self._examples(self._source),
            dev=self._examples(given["dev"]) if given["dev"] else (),
            names=given["dev_speakers"],
            share=given["dev_share"],
            group=given["group"],
            seed=self._recipe.seed,
        )

    def _means(self, ctx: click.Context, embedded: Callable[[int], None]) -> Means:
        from emo2vec_plugins.training.fit import Means

        given = self._given
        base = None
        if self._recipe.tune != "new":
            name = given["model"] or DEFAULT_MODEL
            base = load_model(name, device=given["device"], plugins=plugins_of(ctx))
        cache = Path(given["cache"]) if given["cache"] else _cache_folder()
        return Means(base=base, device=given["device"], cache=cache, embedded=embedded)

    def _story(self) -> Story:
        from emo2vec_plugins.training.card import Story

        given = self._given
        notes = Path(given["card_notes"]).read_text("utf-8") if given["card_notes"] else ""
        return Story(
            title=given["title"] or self._out.name,
            data=Path(self._source).name,
            dev=Path(given["dev"]).name if given["dev"] else None,
            label_map=self._map.names,
            command=shlex.join(["emo2vec", *sys.argv[1:]]),
            notes=notes,
        )

    @contextmanager
    def _telling(self) -> Iterator[tuple[Callable[[Row], None], Callable[[int], None]]]:
        """Show bars for embeddings and epochs, and a line for each epoch."""
        total = self._recipe.epochs

        def tell(row: Row) -> None:
            advance()
            note(_told(row, total), quiet=self._quiet)

        with (
            progress("embeddings", quiet=self._quiet or self._recipe.tune != "head") as embedded,
            progress("epochs", quiet=self._quiet) as advance,
        ):
            yield tell, embedded


def _told(row: Row, total: int) -> str:
    judged = "" if row.dev_ua is None else f", development UA {row.dev_ua:.1%}"
    return f"epoch {row.epoch} of {total}: loss {row.train_loss:.3f}{judged}"


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE


def _set_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)


def _check_library() -> None:
    try:
        import lhotse  # noqa: F401 - that it is there is all that is asked
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"training needs libraries: pip install 'emo2vec-plugins[train]' ({error})"
        ) from error
