"""Cross-validation that leaves one speaker, corpus or the like out: one model for each of them.

Every model is trained for the recipe's number of epochs, and its last weights are used. So no
choice depends on the turns it is evaluated on. Completed folds are not trained again.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from emo2vec_plugins._version import __version__
from emo2vec_plugins.core import counted
from emo2vec_plugins.errors import warn
from emo2vec_plugins.evaluation import Evaluation, Prediction, evaluate, percent
from emo2vec_plugins.files import Journal, Lock, settings_of
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.examples import Example, digest
from emo2vec_plugins.training.fit import Resources, fit, identity, initial_model, predict_examples
from emo2vec_plugins.training.heads import for_training_only, heads_of
from emo2vec_plugins.training.history import EpochResult
from emo2vec_plugins.training.markdown import markdown_table
from emo2vec_plugins.training.problems import problems_of_folds, refuse
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.record import (
    finish,
    named,
    recorded_result,
    refuse_other,
    write_result,
)
from emo2vec_plugins.training.split import Split, folds_of
from emo2vec_plugins.training.work_folder import discard_folder, new_folder, unfinished

TABLE, DOCUMENT = "cross-validation.md", "cross-validation.json"
PREDICTIONS = "predictions.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """Accuracy of models on speakers, corpora or the like that are not in their training data.

    Attributes:
        folds: Evaluation of each fold, by the speaker, corpus or other group that was left out.
        pooled: Evaluation of all turns together, each predicted by the model of its fold, with the
            results by *group*.
        recipe: The recipe of all models.
        group: What was left out in each fold: ``speaker``, ``recording`` or another field.
        base: The model that training started from; None for new networks.
    """

    folds: dict[str, Evaluation]
    pooled: Evaluation
    recipe: Recipe
    group: str
    base: str | None = None

    @property
    def mean_ua(self) -> float:
        """Mean of the unweighted average recall over the folds."""
        return statistics.fmean(fold.ua.value or 0.0 for fold in self.folds.values())

    @property
    def std_ua(self) -> float:
        """Sample standard deviation of the unweighted average recall over the folds."""
        return statistics.stdev(fold.ua.value or 0.0 for fold in self.folds.values())

    def table(self) -> str:
        """Return tables of the folds and of all turns, as Markdown."""
        rows = [
            (name, fold.turns, percent(fold.ua.value), percent(fold.wa.value), _ece(fold))
            for name, fold in self.folds.items()
        ]
        head = (f"{self.group} left out", "turns", "UA %", "WA %", "ECE")
        known = (
            f"Its earlier training data are not known and may include each {self.group} left out"
        )
        before = f"\nTraining started from {self.base}. {known}.\n" if self.base else ""
        return f"""\
{markdown_table(head, rows)}

Mean UA **{self.mean_ua:.1%}**, standard deviation {self.std_ua:.1%} over {len(self.folds)} \
folds. UA is over the labels that occur in a fold.

All turns together:

```text
{self.pooled.table()}
```

Every model was trained for {counted(self.recipe.epochs, "epoch")} with seed {self.recipe.seed}, with \
emo2vec-plugins {__version__} and torch {torch.__version__}. The full recipe is in {DOCUMENT}. No \
choice within a fold depends on the {self.group} it is evaluated on. However, a recipe that was \
chosen by tables like this one depends on all of these turns.
{before}"""

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


def cross_validate(
    examples: Sequence[Example],
    recipe: Recipe,
    *,
    out: Path,
    resources: Resources | None = None,
    group: str = "speaker",
    progress: Callable[[str, EpochResult | None], None] = lambda _, __: None,
) -> CrossValidation:
    """Train one model without each speaker in turn, and write their predictions to a folder.

    Instead of speakers, recordings, corpora, languages or the like may be left out. Turns that a
    model labelled, those of the recipe's *own_head*, and others for training only are not used for
    evaluation. They are trained on unless their group or speaker is left out. A group with only
    such turns has no fold.

    The folder contains a table (Markdown), all numbers (JSON) and the scores of every turn (JSON
    lines). It is created at the end; until then, everything is in ``OUT.training``. To resume a
    killed run, call the function again with the same arguments. If such a run has finished, its
    predictions are read; if files of its folder are missing, it is done again, with a warning.

    Args:
        examples: Examples of at least two groups.
        recipe: The settings; *patience* must be None, as the number of epochs is fixed.
        out: The folder to create; an empty one is replaced. No other process may write it at the same time.
        resources: The base model, the device and the cache.
        group: What to leave out: ``speaker``, ``recording``, or another field of the turns, such as
            ``corpus`` or ``language``.
        progress: Called with the name of the group and each epoch of a fold, and with the name and
            None when the fold is complete.

    Raises:
        CheckpointError: If *out* exists and is not of a run, or its files have changed, or if
            ``OUT.training`` was not made by a run.
        OptionsError: If the recipe has patience.
        ResumeError: If *out*, or an unfinished run, has another recipe, other data or another
            model, or if another process is writing it.
        TrainingError: If there is only one group, a turn has none, a label or a speaker is in the
            way of leaving one out, or training fails.
    """
    resources = resources or Resources()
    examples = for_training_only(examples, recipe)
    # Split all folds first, to find one that cannot be trained before hours of training.
    splits = folds_of(examples, group)
    refuse(problems_of_folds(splits, examples, recipe, group))
    everything = Split(train=tuple(examples), group=group)
    base = initial_model(recipe, resources.base, heads_of(examples, recipe).labels)
    own = identity(everything, recipe, base)
    own |= {"group": group, "groups": _digest_of_groups(examples, group)}
    out = named(out)
    with Lock(out):
        if recorded_result(out, own) is None:
            with unfinished(out) as work:
                found = _predicted(splits, recipe, resources, work, group, progress)
                result = _result(found, recipe, resources, group)
                folder = new_folder(work / "result")
                _write(result, found, folder)
                finish(folder, out, own)
        else:
            found = _read(out, [*splits], group)
            result = _result(found, recipe, resources, group)
    return result


def _predicted(
    splits: Mapping[str, Split],
    recipe: Recipe,
    resources: Resources,
    work: Path,
    group: str,
    progress: Callable[[str, EpochResult | None], None],
) -> dict[str, list[Prediction]]:
    """Return the predictions for each group; train the models that are missing."""
    folds = [
        _Fold(work / f"fold-{number}", split, recipe, resources)
        for number, split in enumerate(splits.values())
    ]
    found: dict[str, list[Prediction]] = {}
    for name, fold in zip(splits, folds, strict=True):
        own = fold.predictions(partial(progress, name))
        found[name] = [replace(each, fields={group: name}) for each in own]
        progress(name, None)
    return found


def _digest_of_groups(examples: Sequence[Example], group: str) -> str:
    """Return a SHA-256 of the group of every example, which the digest of its turns may lack."""
    names = json.dumps([example.value(group) for example in examples])
    return hashlib.sha256(names.encode()).hexdigest()


def _ece(fold: Evaluation) -> str:
    return "-" if fold.calibration is None else f"{fold.calibration.before.ece:.3f}"


def _result(
    found: dict[str, list[Prediction]], recipe: Recipe, resources: Resources, group: str
) -> CrossValidation:
    return CrossValidation(
        # No intervals: a fold may have few turns, and the folds themselves show the variation.
        folds={name: evaluate(fold, resamples=0) for name, fold in found.items()},
        pooled=evaluate(
            [each for fold in found.values() for each in fold], resample_by=group, by=[group]
        ),
        recipe=recipe,
        group=group,
        base=None if resources.base is None else resources.base.provenance.model,
    )


class _Fold:
    """The fold of one group that is left out."""

    def __init__(self, folder: Path, split: Split, recipe: Recipe, resources: Resources) -> None:
        self._folder, self._recipe, self._resources = folder, recipe, resources
        self._journal = Journal(folder / "predictions.journal")
        self._left_out = split.dev
        # No development turns, as they would influence the choice of the epoch.
        self._split = Split(train=split.train, group=split.group)
        self._labels = heads_of(split.train, recipe).labels

    def predictions(self, progress: Callable[[EpochResult], None]) -> list[Prediction]:
        """Return the predictions for this group; train the model if they are not saved yet."""
        initial = initial_model(self._recipe, self._resources.base, self._labels)
        run = identity(self._split, self._recipe, initial)
        own = {**run, "judged": digest(self._left_out)}
        if known := self._known(own):
            return known
        given = (self._split, self._recipe, self._resources)
        fitted = fit(*given, work=self._folder, progress=progress)
        model = self._folder / "model"
        discard_folder(model)
        fitted.save(model)
        found = predict_examples(model, self._left_out, device=self._resources.device)
        self._journal.write(settings_of(identity=own), [asdict(each) for each in found])
        discard_folder(model)
        Checkpoints(self._folder, run).remove()
        return found

    def _known(self, own: Mapping[str, Any]) -> list[Prediction] | None:
        """Return the predictions of an earlier run; None if there are none, or they are damaged."""
        path = self._journal.path
        if not path.exists():
            return None
        if head := self._journal.head():
            advice = f"to start again, remove {path.parent.parent}"
            refuse_other(path, head.get("identity"), own, advice)
        found = [Prediction(**place.record) for place in self._journal.records()]
        if len(found) == len(self._left_out):
            return found
        warn(f"{path}: damaged, so this fold is trained again")
        return None


def _write(result: CrossValidation, found: dict[str, list[Prediction]], folder: Path) -> None:
    every = [asdict(each) for fold in found.values() for each in fold]
    lines = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in every)
    write_result(folder / TABLE, result.table())
    write_result(folder / DOCUMENT, json.dumps(result.to_json(), indent=1) + "\n")
    write_result(folder / PREDICTIONS, lines)


def _read(folder: Path, names: Sequence[str], group: str) -> dict[str, list[Prediction]]:
    """Return the predictions of a finished run for each group."""
    found: dict[str, list[Prediction]] = {name: [] for name in names}
    for line in (folder / PREDICTIONS).read_text("utf-8").splitlines():
        prediction = Prediction(**json.loads(line))
        found[str(prediction.value(group))].append(prediction)
    return found
