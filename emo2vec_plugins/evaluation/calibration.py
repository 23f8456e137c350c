"""A copy of a model whose head is divided by a temperature: calibrated in whatever loads it.

Logits are linear in the head's weight and bias, and scores are the softmax of logits, so that
dividing both by T calibrates the scores, changes no label, and leaves embeddings as they are.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lhotse.cut import Cut

from emo2vec_plugins import models
from emo2vec_plugins.core import Plugins, as_plugins
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import CheckpointError, LabelError, ModelNotFoundError, TrainingError
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.reading import Truth, predict
from emo2vec_plugins.evaluation.reliability import ScoredTurns, calibration_of, fit_temperature
from emo2vec_plugins.evaluation.values import Calibration, Reliability
from emo2vec_plugins.files import staging

CARD = "README.md"
HEAD = ("proj.weight", "proj.bias")
"""The tensors that are divided."""

_OWN = {models.CONFIG, models.TOKENS, CARD, "configuration.json", *models.WEIGHTS}
_COPIED = {".md", ".txt", ".csv", ".json", ".yaml", ".png", ""}
"""Suffixes of what lies beside a model and stays true of the copy: licences, tables, pictures.

Weights in other forms would give the scores of before.
"""
_OF_BEFORE = {"evaluation.json"}
"""What rests on the scores of the model before, and is not copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A temperature, and what it does to scores.

    Attributes:
        temperature: That all turns together give.
        calibration: Before, and after by temperatures fitted on other turns than the one judged.
        turns: That it was fitted on.
        speakers: How many are known; None if that of a turn is not.
    """

    temperature: float
    calibration: Calibration
    turns: int
    speakers: int | None


def calibrate(
    cuts: Sequence[Cut],
    target: Path,
    *,
    model: str,
    data: str,
    truth: Truth,
    device: str | None = None,
    dtype: str = "float32",
    plugins: Plugins | None = None,
    progress: Callable[[int], None] | None = None,
) -> Fit:
    """Fit a temperature on labelled turns, and save a copy of the model calibrated with it.

    Args:
        cuts: With labels; of speakers that the model was not trained on.
        target: The folder to write, which must not exist.
        model: A name, folder or hub's identifier.
        data: What to call *cuts* on the model card.
        truth: How labels are read.
        device: The best there is if None.
        dtype: Of the network's arithmetic while it is fitted.
        plugins: Those installed, unless given.
        progress: Called with the number of cuts that were done since the last call.

    Raises:
        LabelError: If labels are missing, unknown, or not among the model's.
        TrainingError: If no temperature fits.
        CheckpointError, ConfigError: If the model is not one, or *target* exists.
        ModelNotFoundError: If it lies in no folder.
        OptionsError: If it has no head.
        OSError: If the copy cannot be written; nothing of it is left then.
    """
    _check_target(target)  # before a model is fetched and hours are scored; as are the labels
    turns = truth.turns(cuts)
    folder = model_folder(model, plugins=plugins)
    backend = models.load_folder(folder, device=device, dtype=dtype)
    if backend.labels.names:
        _refuse_others([each.label for each in turns], backend.labels.names)
    engine = Engine(backend)
    found = fit(predict(cuts, truth=truth, score=engine, plugins=plugins, progress=progress))
    digest = f" (sha256 {backend.provenance.sha256[:12]})"
    section = card_section(found, model=folder.name + digest, data=data)
    save_calibrated(folder.path, target, temperature=found.temperature, section=section)
    return found


def fit(predictions: Sequence[Prediction]) -> Fit:
    """Return the temperature of a model, from its predictions for labelled turns.

    Turns without a prediction are left out.

    Raises:
        TrainingError: If there is none: too few turns, all with one label, all right, or labels
            that have nothing to do with the scores.
    """
    scored = ScoredTurns.of(predictions)
    temperature = fit_temperature(scored.probabilities[scored.known], scored.truth[scored.known])
    # The temperature of all turns is the best for others; what it gains is measured out of fold.
    calibration = calibration_of(scored.turns, by="turn", resamples=0, seed=0)
    if calibration is None:
        raise TrainingError("a temperature needs scores of at least two classes")
    names = {each.speaker for each in scored.turns}
    return Fit(
        temperature=temperature,
        calibration=calibration,
        turns=int(scored.known.sum()),
        speakers=None if None in names else len(names),
    )


def model_folder(name: str, *, plugins: Plugins | None = None) -> models.ModelFolder:
    """Return the folder of a model, by a name that `load_model` takes; fetched if needed.

    Raises:
        ModelNotFoundError: If there is no such model, or it does not lie in a folder of the
            published layout.
    """
    way, colon, source = name.partition(":")
    if colon and way == "torch":
        return models.find_folder(source)
    known = as_plugins(plugins).models().keys() - {"tiny", *models.PUBLISHED}
    if name in known or (colon and way in known):
        why = "is not a folder of the published layout, whose head could be divided"
        raise ModelNotFoundError(f"model {name!r} {why}")
    return models.find_folder(name, named=True)


def save_calibrated(source: Path, target: Path, *, temperature: float, section: str) -> None:
    """Write a copy of a model folder with the head divided by *temperature*; complete or not at all.

    Weights are written as ``model.pt``, which FunASR loads, too. Tokens and their order stay,
    and so does what lies beside the weights as text or picture; ``evaluation.json``, which is of
    the scores before, is left out.

    Args:
        source: In the published layout.
        target: Must not exist.
        temperature: Positive.
        section: Of Markdown, that is appended to the model card.

    Raises:
        CheckpointError: If *target* exists, or *source* is no model or has no head.
        ConfigError: If its configuration is of another network.
        OSError: If something cannot be read or written.
    """
    _check_target(target)
    weights = next((source / name for name in models.WEIGHTS if (source / name).is_file()), None)
    if weights is None:
        expected = " or ".join(models.WEIGHTS[:2])
        raise CheckpointError(f"{source}: has no weights; expected {expected}")
    tensors = models.read_tensors(weights)
    if not tensors.keys() >= set(HEAD):
        raise CheckpointError(f"{source}: the model has no head ({', '.join(HEAD)}) to calibrate")
    for name in HEAD:
        # In double precision, so that weights of less are rounded once.
        tensors[name] = (tensors[name].double() / temperature).to(tensors[name].dtype)
    card = source / CARD
    with staging(target) as copy:
        models.save_folder(
            copy,
            config=models.read_config(source / models.CONFIG),
            tensors=tensors,
            tokens=models.read_tokens(source / models.TOKENS),
            card=(f"{card.read_text('utf-8').rstrip()}\n\n" if card.is_file() else "") + section,
        )
        for each in sorted(source.iterdir()):
            is_copied = each.name not in _OWN | _OF_BEFORE and each.suffix.lower() in _COPIED
            if is_copied and each.is_file():
                shutil.copyfile(each, copy / each.name)


def card_section(found: Fit, *, model: str, data: str) -> str:
    """Return what a model card says of its calibration, as Markdown.

    Args:
        found: The temperature.
        model: What was calibrated, with a digest of its weights.
        data: What it was fitted on.
    """
    before, after, by = found.calibration.before, found.calibration.after, found.calibration.by
    who = "" if found.speakers is None else f" of {found.speakers} speakers"
    rows = _row("as it was", before)
    how = f"How well it does on other turns is not known: {found.calibration.reason}."
    if after is not None:
        rows += "\n" + _row("calibrated", after)
        folds = len(found.calibration.temperatures)
        how = f"The second line is of temperatures fitted on other {by}s, in {folds} folds."
    return f"""\
## Calibration

The head's weight and bias of {model} were divided by the temperature {found.temperature:.4f} \
(Guo et al. 2017, arXiv:1706.04599), fitted on {found.turns} turns{who} of {data}. Labels and \
embeddings are as they were; figures above that rest on scores are of the model before.

| scores | expected calibration error | Brier (0 to 2) | log loss |
|---|---:|---:|---:|
{rows}

{how}
"""


def _row(name: str, found: Reliability) -> str:
    return f"| {name} | {found.ece:.3f} | {found.brier.value:.3f} | {found.log_loss:.3f} |"


def _check_target(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise CheckpointError(f"{target}: exists already; choose a new folder")


def _refuse_others(labels: Sequence[str], known: Sequence[str]) -> None:
    foreign = Counter(label for label in labels if label not in known)
    if foreign:
        found = ", ".join(f"{label} ({count})" for label, count in foreign.most_common())
        raise LabelError(
            f"the truth has classes that the model does not have: {found}; it has "
            f"{', '.join(known)}. A label map leaves turns out: their name, and null"
        )
