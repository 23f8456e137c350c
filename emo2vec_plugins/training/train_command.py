"""``emo2vec train``: train a model folder from cuts with emotion labels."""

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
from emo2vec_plugins.core import DEFAULT_MODEL, counted, load_model
from emo2vec_plugins.errors import naming
from emo2vec_plugins.evaluation import (
    TruthOptions,
    describe_left_out,
    require_libraries,
    truth_options,
)
from emo2vec_plugins.files import read_text
from emo2vec_plugins.training.train_options import CACHE, RECIPE_FIELDS, train_options

if TYPE_CHECKING:
    from emo2vec_plugins.training.card import CardContent
    from emo2vec_plugins.training.examples import Example
    from emo2vec_plugins.training.fit import Resources
    from emo2vec_plugins.training.history import EpochResult
    from emo2vec_plugins.training.recipe import Recipe
    from emo2vec_plugins.training.split import Split


@cli.command("train")
@cli.writes_files(overwrite=False)
@cli.file_argument("source", "CUTS")
@cli.folder_option
@truth_options
@train_options
@cli.permission_options
@cli.quiet_option
def train_command(
    *, source: str, output: str, truth: TruthOptions, given: dict[str, Any], quiet: bool
) -> None:
    """Train a model on Lhotse cuts with emotion labels.

    CUTS is a .jsonl or .jsonl.gz in which every supervision has a label and a speaker. To resume
    a run that was killed, run the same command again. With --leave-one-speaker-out, DIR gets a
    table of results instead of a model.

    \b
    Examples:
      emo2vec train cuts.jsonl.gz --label-map labels.yaml --dev-share 0.2 -o mine
      emo2vec train cuts.jsonl.gz --new tiny --leave-one-speaker-out -o results
    """
    require_libraries("train")
    # Check the recipe and the options first, before hours of computing embeddings.
    command = TrainCommand(source=source, out=Path(output), truth=truth, quiet=quiet, given=given)
    if given["threads"] is not None:
        import torch

        torch.set_num_threads(given["threads"])
    with cli.resumable(quiet=quiet):
        command.cross_validate() if given["leave_one_speaker_out"] else command.train()


class TrainCommand:
    """The options of a command line, converted to arguments of the library."""

    def __init__(
        self, *, source: str, out: Path, truth: TruthOptions, quiet: bool, given: dict[str, Any]
    ) -> None:
        self._source = source
        self._out = out
        self._truth = truth.reader()
        self._quiet = quiet
        self._given = given
        self._left_out: Counter[str] = Counter()
        self._recipe = self._read_recipe()

    def train(self) -> None:
        """Train one model, and show its evaluation on the development turns."""
        from emo2vec_plugins.training.run import train as run

        split = self._split()
        with self._progress(len(split.train) + len(split.dev)) as shown:
            trained = run(
                split,
                self._recipe,
                out=self._out,
                resources=self._resources(shown),
                content=self._content(),
                progress=shown.epoch,
            )
        if trained.was_finished:
            self._note(f"{self._out} was already complete, nothing to do")
            return
        if trained.evaluation is not None and not self._quiet:
            cli.echo(trained.evaluation.table())
        turns = counted(len(split.train), "turn")
        how_long = counted(len(trained.epochs), "epoch")
        weights = f"saved the weights of epoch {trained.best}"
        self._note(f"{self._out}: trained on {turns} for {how_long}; {weights}")

    def cross_validate(self) -> None:
        """Train one model without each speaker, and show the table of results."""
        from emo2vec_plugins.training.crossvalidate import cross_validate
        from emo2vec_plugins.training.split import groups_of, labelled_by_people

        given = self._given
        if given["dev"] or given["dev_speakers"] or given["dev_share"] is not None:
            options, why = "--dev, --dev-speakers and --dev-share", "which tests each speaker"
            raise click.UsageError(f"{options} cannot be used with --leave-one-speaker-out, {why}")
        if given["card_notes"] or given["title"]:
            options, why = "--card-notes and --title", "which writes no model card"
            raise click.UsageError(f"{options} cannot be used with --leave-one-speaker-out, {why}")
        examples = self._examples(self._source)
        group = given["group"]
        # Each fold needs the embeddings of all other speakers; cached ones count as completed.
        with naming(self._source):
            folds = len(groups_of(labelled_by_people(examples, group), group))
        others = (folds - 1) * len(examples)
        with self._progress(others) as shown:

            def show(name: str, epoch: EpochResult | None) -> None:
                if epoch is None:
                    self._note(f"evaluated on {group} {name}")
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
        cli.echo(result.table(), end="")
        self._note(f"wrote the table and all scores to {self._out}")

    def _read_recipe(self) -> Recipe:
        from emo2vec_plugins.training.recipe import Recipe, read_recipe

        given = self._given
        if given["tune"] and given["network"]:
            why = "--tune needs an existing model, --new trains a new network"
            raise click.UsageError(f"--tune and --new cannot be used together: {why}")
        recipe = read_recipe(given["recipe_file"]) if given["recipe_file"] else Recipe()
        changes = {name: given[name] for name in RECIPE_FIELDS if given[name] is not None}
        if given["network"]:
            changes["tune"] = "new"
        if given["network"] == "tiny":
            changes["front_end"] = "filter-bank"  # its convolutions are designed for one
        recipe = recipe.but({**changes, **given["settings"]})
        if given["blocks"] and recipe.tune != "top":
            raise click.UsageError("--blocks needs --tune top")
        if given["model"] and recipe.tune == "new":
            raise click.UsageError("--model cannot be used for a new network, which has no base")
        return recipe

    def _examples(self, path: str) -> list[Example]:
        from emo2vec_plugins.integrations.lhotse import read_cuts
        from emo2vec_plugins.training.examples import read_examples

        cuts, truth = read_cuts(path), self._truth
        read = partial(read_examples, field=truth.field, label_map=truth.label_map)
        with naming(path):
            examples = read(
                cuts, skip_unlabelled=truth.skip_unlabelled, permissions=cli.permissions_of()
            )
        found = truth.left_out(cuts)
        # Labels that a model gave are not listed: they are used, though for training only.
        unused = {why: found[why] for why in ("unlabelled", "by_label_map") if found[why]}
        self._left_out.update(unused)
        if unused:
            self._note(f"{path}: not used: {describe_left_out(unused)}")
        return examples

    def _split(self) -> Split:
        from emo2vec_plugins.training.split import make_split

        given = self._given
        examples = self._examples(self._source)
        dev = self._examples(given["dev"]) if given["dev"] else ()
        with naming(self._source):
            return make_split(
                examples,
                dev=dev,
                names=given["dev_speakers"] or (),
                share=given["dev_share"],
                group=given["group"],
                seed=self._recipe.seed,
            )

    def _resources(self, shown: _Progress) -> Resources:
        from emo2vec_plugins.training.fit import Resources

        given, device = self._given, self._given["device"]
        base = None
        if self._recipe.tune != "new":
            plugins = cli.plugins_of(click.get_current_context())
            base = load_model(
                given["model"] or DEFAULT_MODEL,
                device=device,
                plugins=plugins,
                allow=cli.permissions_of().allow,
            )
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Resources(
            base=base,
            device=device,
            cache=Path(given["cache_dir"] or Path(caches) / CACHE),
            embedding_progress=shown.embedded,
            resumed=shown.resumed,
        )

    def _content(self) -> CardContent:
        from emo2vec_plugins.training.card import CardContent

        given = self._given
        notes = read_text(Path(given["card_notes"])) if given["card_notes"] else ""
        return CardContent(
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
    def _progress(self, embeddings: int) -> Iterator[_Progress]:
        """Show progress bars for embeddings and epochs, and a line for each epoch."""
        with cli.step_progress(quiet=self._quiet) as bar:
            yield _Progress(
                bar, epochs=self._recipe.epochs, embeddings=embeddings, quiet=self._quiet
            )


class _Progress:
    """Terminal output during a run; epochs completed by an earlier run are only counted."""

    def __init__(
        self, bar: Callable[..., None] | None, *, epochs: int, embeddings: int, quiet: bool
    ) -> None:
        self._bar = bar or (lambda *_, **__: None)
        self._epochs, self._embeddings, self._quiet = epochs, embeddings, quiet
        self._embedded = self._before = 0

    def resumed(self, count: int) -> None:
        """Report that a run resumes; its completed epochs are not shown again."""
        self._before = count
        cli.note(f"resuming after epoch {count} of {self._epochs}", quiet=self._quiet)

    def epoch(self, row: EpochResult) -> None:
        """Show a completed epoch."""
        self._bar("epochs", None, completed=row.epoch, total=self._epochs)
        if row.epoch > self._before:
            ua = "" if row.dev_ua is None else f", development UA {row.dev_ua:.1%}"
            line = f"epoch {row.epoch} of {self._epochs}: loss {row.train_loss:.3f}{ua}"
            cli.note(line, quiet=self._quiet)
        elif row.epoch == self._before:
            self._before = 0  # all following epochs are new, or of another fold

    def embedded(self, count: int) -> None:
        """Add completed embeddings to the progress bar."""
        self._embedded += count
        self._bar("embeddings", None, completed=self._embedded, total=self._embeddings)
