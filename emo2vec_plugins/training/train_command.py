"""``emo2vec train``: train a model folder from cuts with emotion labels."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins import cli
from emo2vec_plugins.core import DEFAULT_MODEL, counted, load_model
from emo2vec_plugins.errors import Emo2vecError, naming
from emo2vec_plugins.evaluation import (
    TruthOptions,
    describe_left_out,
    require_libraries,
    truth_options,
)
from emo2vec_plugins.files import read_text
from emo2vec_plugins.training.train_options import (
    CACHE,
    RECIPE_FIELDS,
    refuse_contradictions,
    train_options,
)
from emo2vec_plugins.training.train_progress import TrainProgress

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
@cli.option("-o, --output DIR", "Where the results go.", type=cli.OutputName(kind="folder"))
@truth_options
@train_options
@cli.permission_options
@cli.quiet_option
def train_command(
    *, source: str, output: str | None, truth: TruthOptions, given: dict[str, Any], quiet: bool
) -> None:
    """Train a model on Lhotse cuts with emotion labels.

    CUTS is a .jsonl or .jsonl.gz in which every supervision has a label and a speaker. To resume
    a run that was killed, run the same command again. With --leave-one-out, DIR gets a
    table of results instead of a model. --check looks for what could spoil the model, and trains
    nothing.

    \b
    Examples:
      emo2vec train cuts.jsonl.gz --label-map labels.yaml --dev-share 0.2 --check
      emo2vec train cuts.jsonl.gz --label-map labels.yaml --dev-share 0.2 -o mine
      emo2vec train cuts.jsonl.gz --new tiny --leave-one-out speaker -o results
      emo2vec train cuts.jsonl.gz --new tiny --leave-one-out corpus -o corpora
    """
    require_libraries("train")
    if output is None and not given["check"]:
        raise click.UsageError("expected -o DIR, the folder to create, or --check")
    # Check the recipe and the options first, before hours of computing embeddings.
    command = TrainCommand(
        source=source, out=Path(output or "."), truth=truth, quiet=quiet, given=given
    )
    if given["check"]:
        command.check()
        return
    if given["threads"] is not None:
        import torch

        torch.set_num_threads(given["threads"])
    with cli.resumable(quiet=quiet):
        command.cross_validate() if given["leave_one_out"] else command.train()


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

    def check(self) -> None:
        """Print what could spoil the model."""
        from emo2vec_plugins.training.data_check.command import print_check
        from emo2vec_plugins.training.problems import problems, problems_of_folds
        from emo2vec_plugins.training.split import folds_of

        train, dev = self._sides()
        recipe = self._recipe
        try:
            if group := self._given["leave_one_out"]:
                folds = folds_of(train, group)
                found = [*problems_of_folds(folds, train, recipe, group)]
            else:
                split = self._split(train, dev)
                train, dev = split.train, split.dev
                found = [*problems(split, recipe)]
        except Emo2vecError as error:
            found = [error]
        print_check(train, dev, longest=recipe.max_seconds, problems=found, quiet=self._quiet)

    def train(self) -> None:
        """Train one model, and show its evaluation on the development turns."""
        from emo2vec_plugins.training.run import train as run

        split = self._split(*self._sides())
        self._warn(split.train, split.dev)
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
        """Train one model without each speaker or other group, and show the table of results."""
        from emo2vec_plugins.training.crossvalidate import cross_validate
        from emo2vec_plugins.training.split import candidates, groups_of

        examples, _ = self._sides()
        self._warn(examples)
        group = self._given["leave_one_out"]
        # Each fold needs the embeddings of all other groups; cached ones count as completed.
        with naming(self._source):
            folds = len(groups_of(candidates(examples, group), group))
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
        refuse_contradictions(given)
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

    def _sides(self) -> tuple[Sequence[Example], ...]:
        """Return the turns of CUTS and of --also, and those of --dev."""
        from emo2vec_plugins.training.examples import numbered
        from emo2vec_plugins.training.heads import for_training_only

        dev = self._given["dev"]
        also = [
            replace(each, is_extra=True)
            for path in self._given["also"]
            for each in self._examples(path)
        ]
        train = numbered([*self._examples(self._source), *also])
        sides = train, self._examples(dev) if dev else ()
        return tuple(for_training_only(side, self._recipe) for side in sides)

    def _split(self, examples: Sequence[Example], dev: Sequence[Example]) -> Split:
        from emo2vec_plugins.training.split import make_split

        given = self._given
        with naming(self._source):
            return make_split(
                examples,
                dev=dev,
                names=given["dev_speakers"] or (),
                share=given["dev_share"],
                group=given["group"] or "speaker",
                seed=self._recipe.seed,
            )

    def _resources(self, shown: TrainProgress) -> Resources:
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
        with naming(given["card_notes"]):
            return CardContent(
                title=given["title"] or self._out.name,
                data=Path(self._source).name,
                also=tuple(Path(each).name for each in given["also"]),
                dev=Path(given["dev"]).name if given["dev"] else None,
                label_map=self._truth.label_map.names,
                left_out=describe_left_out(self._left_out),
                command=shlex.join(["emo2vec", *sys.argv[1:]]),
                notes=notes,
            )

    def _warn(self, train: Sequence[Example], dev: Sequence[Example] = ()) -> None:
        """Warn of what the manifest alone shows."""
        from emo2vec_plugins.training.data_check.command import warn_of_data

        if not self._quiet:
            warn_of_data(train, dev, longest=self._recipe.max_seconds)

    def _note(self, message: str) -> None:
        cli.note(message, quiet=self._quiet)

    @contextmanager
    def _progress(self, embeddings: int) -> Iterator[TrainProgress]:
        """Show progress bars for embeddings and epochs, and a line for each epoch."""
        with cli.step_progress(quiet=self._quiet) as bar:
            yield TrainProgress(
                bar, epochs=self._recipe.epochs, embeddings=embeddings, quiet=self._quiet
            )
