"""What a command line of ``emo2vec train`` asks for, done with the library."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins.cli import counted, note, plugins_of, step_progress
from emo2vec_plugins.core import DEFAULT_MODEL, LabelMap, load_model
from emo2vec_plugins.errors import MissingExtraError
from emo2vec_plugins.evaluation import told_left_out

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


class Order:
    """What a command line asks for, as the values that the library takes."""

    def __init__(self, *, source: str, out: Path, quiet: bool, given: dict[str, Any]) -> None:
        _check_library()
        self._source = source
        self._out = out
        self._quiet = quiet
        self._given = given
        self._left_out: Counter[str] = Counter()
        self._map = LabelMap.read(given["label_map"]) if given["label_map"] else LabelMap()
        self._recipe = self._asked()

    def train(self, ctx: click.Context) -> None:
        """Train one model, and show what it hears in the development turns."""
        from emo2vec_plugins.training.run import train as run

        split = self._split()
        with self._telling(len(split.train) + len(split.dev)) as telling:
            trained = run(
                split,
                self._recipe,
                out=self._out,
                means=self._means(ctx, telling),
                story=self._story(),
                done=telling.epoch,
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
        from emo2vec_plugins.training.split import groups_of, labelled_by_people

        given = self._given
        if given["dev"] or given["dev_speakers"] or given["dev_share"] is not None:
            raise click.UsageError("--leave-one-speaker-out judges by who is left out: no --dev")
        if given["card_notes"] or given["title"]:
            raise click.UsageError("--leave-one-speaker-out makes a table: there is no card")
        examples = self._examples(self._source)
        group = given["group"]
        folds = len(groups_of(labelled_by_people(examples, group), group))
        others = (folds - 1) * len(examples)
        with self._telling(others) as telling:

            def tell(name: str, row: Row | None) -> None:
                if row is None:
                    note(f"{group} {name} is judged", quiet=self._quiet)
                else:
                    telling.epoch(row)

            result = cross_validate(
                examples,
                self._recipe,
                out=self._out,
                means=self._means(ctx, telling),
                group=group,
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
        if given["network"] == "tiny":
            changes["front_end"] = "filter-bank"  # its convolutions are made to be one
        recipe = recipe.but({**changes, **given["settings"]})
        if given["blocks"] and recipe.tune != "top":
            raise click.UsageError("--blocks is for --tune top")
        if given["model"] and recipe.tune == "new":
            raise click.UsageError("--model is for --tune: a new network starts from nothing")
        return recipe

    def _examples(self, path: str) -> list[Example]:
        from emo2vec_plugins.evaluation import Truth
        from emo2vec_plugins.training.examples import read_cuts, read_examples

        cuts = read_cuts(path)
        field, skip = self._given["field"], self._given["skip_unlabelled"]
        examples = read_examples(cuts, field=field, label_map=self._map, skip_unlabelled=skip)
        found = Truth(field=field, label_map=self._map).left_out(cuts)
        # Pseudo-labels are left out of what judges, but learnt from.
        here = {why: found[why] for why in ("unlabelled", "by_label_map") if found[why]}
        self._left_out.update(here)
        if here:
            note(f"{path}: not used: {told_left_out(here)}", quiet=self._quiet)
        return examples

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

    def _means(self, ctx: click.Context, telling: _Telling) -> Means:
        from emo2vec_plugins.training.fit import Means

        given = self._given
        base = None
        if self._recipe.tune != "new":
            name = given["model"] or DEFAULT_MODEL
            base = load_model(name, device=given["device"], plugins=plugins_of(ctx))
        cache = Path(given["cache"]) if given["cache"] else _cache_folder()
        return Means(
            base=base,
            device=given["device"],
            cache=cache,
            embedded=telling.embedded,
            resumed=telling.resumed,
        )

    def _story(self) -> Story:
        from emo2vec_plugins.training.card import Story

        given = self._given
        notes = Path(given["card_notes"]).read_text("utf-8") if given["card_notes"] else ""
        return Story(
            title=given["title"] or self._out.name,
            data=Path(self._source).name,
            dev=Path(given["dev"]).name if given["dev"] else None,
            label_map=self._map.names,
            left_out=told_left_out(self._left_out),
            command=shlex.join(["emo2vec", *sys.argv[1:]]),
            notes=notes,
        )

    @contextmanager
    def _telling(self, embeddings: int) -> Iterator[_Telling]:
        """Show bars for so many embeddings and for epochs, and a line for each epoch."""
        with step_progress(quiet=self._quiet) as bar:
            yield _Telling(
                bar, epochs=self._recipe.epochs, embeddings=embeddings, quiet=self._quiet
            )


class _Telling:
    """What is told of a run while it lasts; of epochs that were done before, how many."""

    def __init__(
        self, bar: Callable[..., None] | None, *, epochs: int, embeddings: int, quiet: bool
    ) -> None:
        self._bar = bar
        self._epochs = epochs
        self._embeddings = embeddings
        self._quiet = quiet
        self._embedded = 0
        self._before = 0

    def resumed(self, count: int) -> None:
        """Tell that a run goes on; the rows that follow first are not told again."""
        self._before = count
        note(f"goes on after epoch {count} of {self._epochs}", quiet=self._quiet)

    def epoch(self, row: Row) -> None:
        """Tell of an epoch that is done."""
        if self._bar:
            self._bar("epochs", None, completed=row.epoch, total=self._epochs)
        if row.epoch > self._before:
            note(_told(row, self._epochs), quiet=self._quiet)
        elif row.epoch == self._before:
            self._before = 0  # what follows is new, or another fold

    def embedded(self, count: int) -> None:
        """Tell of so many embeddings more."""
        self._embedded += count
        if self._bar:
            self._bar("embeddings", None, completed=self._embedded, total=self._embeddings)


def _told(row: Row, total: int) -> str:
    judged = "" if row.dev_ua is None else f", development UA {row.dev_ua:.1%}"
    return f"epoch {row.epoch} of {total}: loss {row.train_loss:.3f}{judged}"


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE


def _check_library() -> None:
    try:
        import lhotse  # noqa: F401 - that it is there is all that is asked
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"training needs libraries: pip install 'emo2vec-plugins[train]' ({error})"
        ) from error
