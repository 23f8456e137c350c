"""``emo2vec train``: cuts with emotion labels in, a model folder out."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins import cli
from emo2vec_plugins.core import DEFAULT_MODEL, load_model
from emo2vec_plugins.evaluation import (
    TruthOptions,
    describe_left_out,
    require_libraries,
    truth_options,
)
from emo2vec_plugins.training.train_options import CACHE, RECIPE_FIELDS, train_options

if TYPE_CHECKING:
    from emo2vec_plugins.training.card import Story
    from emo2vec_plugins.training.examples import Example
    from emo2vec_plugins.training.fit import Resources
    from emo2vec_plugins.training.history import EpochResult
    from emo2vec_plugins.training.recipe import Recipe
    from emo2vec_plugins.training.split import Split


@click.command("train")
@click.argument("source", metavar="CUTS")
@cli.folder_option
@truth_options
@train_options
@cli.quiet_option
def train_command(
    *, source: str, output: str, truth: TruthOptions, given: dict[str, Any], quiet: bool
) -> None:
    """Train a model on Lhotse cuts with emotion labels.

    CUTS is a .jsonl or .jsonl.gz whose supervisions have a label and a speaker. A run that was
    killed goes on when the same command is given again. With --leave-one-speaker-out, DIR
    gets a table of results instead of a model.
    """
    require_libraries()
    # First of all the recipe is read and the options are compared: mistakes cost no embeddings.
    command = TrainCommand(source=source, out=Path(output), truth=truth, quiet=quiet, given=given)
    if given["threads"] is not None:
        import torch

        torch.set_num_threads(given["threads"])
    with cli.resumable(quiet=quiet):
        command.cross_validate() if given["leave_one_speaker_out"] else command.train()


class TrainCommand:
    """What a command line asks for, as the values that the library takes."""

    def __init__(
        self, *, source: str, out: Path, truth: TruthOptions, quiet: bool, given: dict[str, Any]
    ) -> None:
        self._source = source
        self._out = out
        self._truth = truth.reader()
        self._quiet = quiet
        self._given = given
        self._left_out: Counter[str] = Counter()
        self._recipe = self._asked()

    def train(self) -> None:
        """Train one model, and show its predictions for the development turns."""
        from emo2vec_plugins.training.run import train as run

        split = self._split()
        with self._progress(len(split.train) + len(split.dev)) as shown:
            trained = run(
                split,
                self._recipe,
                out=self._out,
                resources=self._resources(shown),
                story=self._story(),
                progress=shown.epoch,
            )
        if trained.evaluation is not None and not self._quiet:
            click.echo(trained.evaluation.table())
        turns = cli.counted(len(split.train), "turn")
        how_long = cli.counted(len(trained.epochs), "epoch")
        weights = f"the weights are those of epoch {trained.best}"
        self._note(f"{self._out}: trained on {turns} for {how_long}; {weights}")

    def cross_validate(self) -> None:
        """Train without each speaker, and show the table."""
        from emo2vec_plugins.training.crossvalidate import cross_validate
        from emo2vec_plugins.training.split import groups_of, labelled_by_people

        given = self._given
        if given["dev"] or given["dev_speakers"] or given["dev_share"] is not None:
            raise click.UsageError("--leave-one-speaker-out judges by who is left out: no --dev")
        if given["card_notes"] or given["title"]:
            raise click.UsageError("--leave-one-speaker-out makes a table: there is no card")
        examples = self._examples(self._source)
        group = given["group"]
        # Each fold embeds all but its own speaker; what the cache has already counts as done.
        folds = len(groups_of(labelled_by_people(examples, group), group))
        others = (folds - 1) * len(examples)
        with self._progress(others) as shown:

            def show(name: str, epoch: EpochResult | None) -> None:
                if epoch is None:
                    self._note(f"{group} {name} is judged")
                else:
                    shown.epoch(epoch)

            result = cross_validate(
                examples,
                self._recipe,
                out=self._out,
                resources=self._resources(shown),
                group=group,
                progress=show,
            )
        click.echo(result.table(), nl=False)
        self._note(f"the table and all scores are in {self._out}")

    def _asked(self) -> Recipe:
        from emo2vec_plugins.training.recipe import Recipe, read_recipe

        given = self._given
        if given["tune"] and given["network"]:
            raise click.UsageError("--tune is for a model that is there, --new for none")
        recipe = read_recipe(given["recipe_file"]) if given["recipe_file"] else Recipe()
        changes = {name: given[name] for name in RECIPE_FIELDS if given[name] is not None}
        if given["network"]:
            changes["tune"] = "new"
        if given["network"] == "tiny":
            changes["front_end"] = "filter-bank"  # its convolutions are made to be one
        recipe = recipe.but({**changes, **given["settings"]})
        if given["blocks"] and recipe.tune != "top":
            raise click.UsageError("--blocks is for --tune top")
        if given["model"] and recipe.tune == "new":
            raise click.UsageError("--model is for --tune: a new network starts from nothing")
        return recipe

    def _examples(self, path: str) -> list[Example]:
        from emo2vec_plugins.integrations.lhotse import read_cuts
        from emo2vec_plugins.training.examples import read_examples

        cuts, truth = read_cuts(path), self._truth
        read = partial(read_examples, field=truth.field, label_map=truth.label_map)
        examples = read(cuts, skip_unlabelled=truth.skip_unlabelled)
        found = truth.left_out(cuts)
        # Pseudo-labels are left out of what is evaluated, but learnt from.
        here = {why: found[why] for why in ("unlabelled", "by_label_map") if found[why]}
        self._left_out.update(here)
        if here:
            self._note(f"{path}: not used: {describe_left_out(here)}")
        return examples

    def _split(self) -> Split:
        from emo2vec_plugins.training.split import make_split

        given = self._given
        return make_split(
            self._examples(self._source),
            dev=self._examples(given["dev"]) if given["dev"] else (),
            names=given["dev_speakers"] or (),
            share=given["dev_share"],
            group=given["group"],
            seed=self._recipe.seed,
        )

    def _resources(self, shown: _Shown) -> Resources:
        from emo2vec_plugins.training.fit import Resources

        given, device = self._given, self._given["device"]
        base = None
        if self._recipe.tune != "new":
            plugins = cli.plugins_of(click.get_current_context())
            base = load_model(given["model"] or DEFAULT_MODEL, device=device, plugins=plugins)
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Resources(
            base=base,
            device=device,
            cache=Path(given["cache_dir"] or Path(caches) / CACHE),
            embedding_progress=shown.embedded,
            resumed=shown.resumed,
        )

    def _story(self) -> Story:
        from emo2vec_plugins.training.card import Story

        given = self._given
        notes = Path(given["card_notes"]).read_text("utf-8") if given["card_notes"] else ""
        return Story(
            title=given["title"] or self._out.name,
            data=Path(self._source).name,
            dev=Path(given["dev"]).name if given["dev"] else None,
            label_map=self._truth.label_map.names,
            left_out=describe_left_out(self._left_out),
            command=shlex.join(["emo2vec", *sys.argv[1:]]),
            notes=notes,
        )

    def _note(self, message: str) -> None:
        cli.note(message, quiet=self._quiet)

    @contextmanager
    def _progress(self, embeddings: int) -> Iterator[_Shown]:
        """Show bars for so many embeddings and for epochs, and a line for each epoch."""
        with cli.step_progress(quiet=self._quiet) as bar:
            yield _Shown(bar, epochs=self._recipe.epochs, embeddings=embeddings, quiet=self._quiet)


class _Shown:
    """What is shown of a run while it lasts; of epochs that were done before, only how many."""

    def __init__(
        self, bar: Callable[..., None] | None, *, epochs: int, embeddings: int, quiet: bool
    ) -> None:
        self._bar = bar or (lambda *_, **__: None)
        self._epochs, self._embeddings, self._quiet = epochs, embeddings, quiet
        self._embedded = self._before = 0

    def resumed(self, count: int) -> None:
        """Say that a run goes on; its first rows, which were shown before, are passed over."""
        self._before = count
        cli.note(f"goes on after epoch {count} of {self._epochs}", quiet=self._quiet)

    def epoch(self, row: EpochResult) -> None:
        """Show an epoch that is done."""
        self._bar("epochs", None, completed=row.epoch, total=self._epochs)
        if row.epoch > self._before:
            ua = "" if row.dev_ua is None else f", development UA {row.dev_ua:.1%}"
            line = f"epoch {row.epoch} of {self._epochs}: loss {row.train_loss:.3f}{ua}"
            cli.note(line, quiet=self._quiet)
        elif row.epoch == self._before:
            self._before = 0  # what follows is new, or another fold

    def embedded(self, count: int) -> None:
        """Show that there are so many embeddings more."""
        self._embedded += count
        self._bar("embeddings", None, completed=self._embedded, total=self._embeddings)
