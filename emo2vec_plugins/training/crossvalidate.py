"""Leave one speaker out: as many models as there are speakers, each judged by who it never heard.

Every model is trained for the recipe's number of epochs and its last weights are taken: nothing
is chosen by the speaker who judges. A speaker who is done is not trained without again.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from emo2vec_plugins._version import __version__
from emo2vec_plugins.errors import CheckpointError, OptionsError, ResumeError, TrainingError
from emo2vec_plugins.evaluation import Evaluation, Prediction
from emo2vec_plugins.training.examples import Example, classes_of, digest
from emo2vec_plugins.training.fit import Means, begin, fit, identity, predictions
from emo2vec_plugins.training.progress import Row, differing
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.run import work_folder, written
from emo2vec_plugins.training.split import Group, Split, by_name, groups_of, labelled_by_people

TABLE, DOCUMENT = "cross-validation.md", "cross-validation.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """What models hear in speakers whom they never heard in training.

    Attributes:
        folds: By who was left out.
        pooled: Of all turns together, each heard by the model without its speaker.
        recipe: That made all models.
        group: What was left out, one by one.
        base: The model that all were started from; None if they are new.
    """

    folds: dict[str, Evaluation]
    pooled: Evaluation
    recipe: Recipe
    group: Group
    base: str | None = None

    @property
    def mean_ua(self) -> float:
        """Mean of the folds' unweighted average recalls."""
        return statistics.fmean(self._recalls())

    @property
    def std_ua(self) -> float:
        """Their standard deviation, of a sample."""
        return statistics.stdev(self._recalls())

    def table(self) -> str:
        """Return a table of the folds, and of all turns, as Markdown."""
        lines = [
            f"| {self.group} left out | turns | UA % | WA % |",
            "|---|---:|---:|---:|",
            *(
                f"| {name} | {fold.turns} | {_percent(fold.ua.value)} | {_percent(fold.wa.value)} |"
                for name, fold in self.folds.items()
            ),
            "",
            f"Mean UA **{self.mean_ua:.1%}**, standard deviation {self.std_ua:.1%} over "
            f"{len(self.folds)} {self.group}s.",
            "",
            "All turns together:",
            "",
            f"```text\n{self.pooled.table()}\n```",
            "",
            f"Every model was trained for {self.recipe.epochs} epochs with seed "
            f"{self.recipe.seed}, by emo2vec-plugins {__version__} and torch {torch.__version__}; "
            f"{DOCUMENT} has the whole recipe. Nothing in a fold was chosen by the {self.group} that "
            "judges it; a recipe that is chosen by tables such as this one is.",
            *self._heard_before(),
        ]
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "format": "emo2vec-cross-validation",
            "version": 1,
            "group": self.group,
            "base": self.base,
            "mean_ua": self.mean_ua,
            "std_ua": self.std_ua,
            "folds": {name: fold.to_json() for name, fold in self.folds.items()},
            "pooled": self.pooled.to_json(),
            "recipe": self.recipe.to_dict(),
        }

    def _heard_before(self) -> list[str]:
        if self.base is None:
            return []
        return [
            "",
            f"All were started from {self.base}; what it has heard before, nobody has checked, be "
            f"it these {self.group}s.",
        ]

    def _recalls(self) -> list[float]:
        return [fold.ua.value or 0.0 for fold in self.folds.values()]


def cross_validate(
    examples: Sequence[Example],
    recipe: Recipe,
    *,
    out: Path,
    means: Means | None = None,
    group: Group = "speaker",
    done: Callable[[str, Row | None], None] = lambda _, __: None,
) -> CrossValidation:
    """Train without each speaker in turn, and write a folder of what the models hear.

    Turns with pseudo-labels judge nobody: they are learnt from where their speaker is not left
    out, and a speaker who has no others has no fold.

    The folder holds a table (Markdown), all numbers (JSON) and every turn's scores (JSON
    lines). Until it is there, everything is in ``OUT.training``; a run that was killed goes on.

    Args:
        examples: Of two speakers at least.
        recipe: Without patience: the number of epochs is fixed.
        out: The folder, which must not exist.
        means: What to train with.
        group: ``recording`` leaves out recordings instead.
        done: Called with a speaker and each epoch, and with None when the speaker is judged.

    Raises:
        CheckpointError: If *out* exists.
        OptionsError: If the recipe has patience.
        ResumeError: If an unfinished run is of another recipe, other data or another model.
        TrainingError: If there is one speaker only, or training fails.
    """
    means = means or Means()
    names = sorted(groups_of(labelled_by_people(examples, group), group))
    if out.exists():
        raise CheckpointError(f"{out}: exists already; choose a new folder")
    if recipe.patience is not None:
        raise OptionsError(
            "patience (--patience) would choose the epoch by the speaker who judges; leave it out"
        )
    if len(names) < 2:
        raise TrainingError(f"all turns are of {group} {names[0]}; two are needed at least")
    work = work_folder(out)
    folds = {
        name: _Fold(work / f"fold-{number}", by_name(examples, [name], group=group), recipe, means)
        for number, name in enumerate(names)
    }
    found: dict[str, list[Prediction]] = {}
    for name, fold in folds.items():
        found[name] = fold.predictions(partial(done, name))
        done(name, None)
    base = None if means.base is None else means.base.provenance.model
    result = _result(found, recipe, group, base)
    _write(result, found, work / "result")
    (work / "result").rename(out)
    shutil.rmtree(work, ignore_errors=True)
    return result


class _Fold:
    """One speaker who is left out: known to be possible before the first fold is trained."""

    def __init__(self, folder: Path, split: Split, recipe: Recipe, means: Means) -> None:
        self._folder = folder
        self._recipe = recipe
        self._means = means
        self._held = split.dev
        self._split = Split(train=split.train, group=split.group)
        self._classes = classes_of(split.train)

    def predictions(self, done: Callable[[Row], None]) -> list[Prediction]:
        """Return what the model without this speaker hears, training it unless that was done."""
        start = begin(self._recipe, self._means.base, self._classes)
        told = json.loads(json.dumps(identity(self._split, self._recipe, start)))
        told["judged"] = digest(self._held)
        path = self._folder / "predictions.json"
        if path.exists():
            return self._finished(path, told)
        fitted = fit(
            self._split,
            self._recipe,
            self._means,
            work=self._folder,
            done=done,
        )
        model = self._folder / "model"
        shutil.rmtree(model, ignore_errors=True)
        fitted.save(model)
        heard = predictions(model, self._held, device=self._means.device)
        document = {"identity": told, "predictions": [asdict(each) for each in heard]}
        written(path, json.dumps(document, ensure_ascii=False))
        shutil.rmtree(model)
        for checkpoint in self._folder.glob("*.pt"):
            checkpoint.unlink()
        return heard

    def _finished(self, path: Path, told: dict[str, Any]) -> list[Prediction]:
        document = json.loads(path.read_text("utf-8"))
        others = differing(document["identity"], told)
        if others:
            raise ResumeError(
                f"{path} is of another run, which differs in {'; '.join(others)}; to begin again, "
                f"remove {path.parent.parent}, or choose another folder"
            )
        return [Prediction(**each) for each in document["predictions"]]


def _result(
    found: dict[str, list[Prediction]], recipe: Recipe, group: Group, base: str | None
) -> CrossValidation:
    from emo2vec_plugins.evaluation import evaluate

    everyone = [each for fold in found.values() for each in fold]
    return CrossValidation(
        # A speaker's turns are few: how speakers vary is what the folds are there to tell.
        folds={name: evaluate(fold, resamples=0) for name, fold in found.items()},
        pooled=evaluate(everyone, resample_by=group),
        recipe=recipe,
        group=group,
        base=base,
    )


def _write(result: CrossValidation, found: dict[str, list[Prediction]], folder: Path) -> None:
    lines = [
        json.dumps(asdict(each), ensure_ascii=False) for fold in found.values() for each in fold
    ]
    written(folder / TABLE, result.table())
    written(folder / DOCUMENT, json.dumps(result.to_json(), indent=1) + "\n")
    written(folder / "predictions.jsonl", "\n".join(lines) + "\n")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
