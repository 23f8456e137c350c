"""Calibrated copies of models: the head is divided by a temperature, so every loader benefits.

Logits are linear in the head's weight and bias, and scores are the softmax of the logits. Dividing
weight and bias by T therefore calibrates the scores and changes neither labels nor embeddings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lhotse.cut import Cut

from emo2vec_plugins import models
from emo2vec_plugins.core import Permissions, Plugins, as_plugins
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import CheckpointError, LabelError, ModelNotFoundError, TrainingError
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.reading import Truth, predict
from emo2vec_plugins.evaluation.reliability import ScoredTurns, calibration_of, fit_temperature
from emo2vec_plugins.evaluation.values import Calibration, Reliability
from emo2vec_plugins.files import read_text, staging, write_whole

CARD = "README.md"
HEAD = ("proj.weight", "proj.bias")
"""The tensors to divide by the temperature."""

_OWN = {models.CONFIG, models.TOKENS, CARD, "configuration.json", *models.WEIGHTS}
_COPIED = {".md", ".txt", ".csv", ".json", ".yaml", ".png", ""}
"""Suffixes of files to copy: licences, tables and pictures stay valid for the calibrated model.

Weights in other formats are not copied, because they would give the old scores.
"""
_OUTDATED = {"evaluation.json"}
"""Files that describe the old scores and are not copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A temperature and its effect on the scores.

    Attributes:
        temperature: Fitted on all turns.
        calibration: Reliability before and after; *after* is cross-validated, with temperatures
            fitted on other turns.
        turns: Number of turns that *temperature* was fitted on.
        speakers: Number of speakers; None if the speaker of any turn is unknown.
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
    permissions: Permissions | None = None,
    progress: Callable[[int], None] | None = None,
) -> Fit:
    """Fit a temperature on labelled turns, and save a calibrated copy of the model.

    Args:
        cuts: Labelled cuts, of speakers that the model was not trained on.
        target: The folder to write, which must not exist.
        model: A model name, a folder, or a hub identifier.
        data: Name of *cuts* for the model card.
        truth: Reads the labels.
        device: None for CUDA if available, else the CPU.
        dtype: Data type of the network while scoring.
        plugins: None for the installed ones.
        permissions: What reading the audio may do; by default, read local files.
        progress: Called with the number of cuts finished since the last call.

    Raises:
        LabelError: If labels are missing, unknown, or not among the model's labels.
        TrainingError: If no temperature fits.
        CheckpointError, ConfigError: If the model is invalid, or *target* exists.
        ModelNotFoundError: If the model is not found or is not a folder.
        OptionsError: If the model has no head.
        OSError: If the copy cannot be written; no partial copy remains.
    """
    _check_target(target)  # like the labels, before hours of downloading and scoring
    turns = truth.turns(cuts)
    folder = model_folder(model, plugins=plugins)
    backend = models.load_folder(folder, device=device, dtype=dtype)
    if backend.labels.names:
        _refuse_others([each.label for each in turns], backend.labels.names)
    engine = Engine(backend)
    found = fit(
        predict(
            cuts,
            truth=truth,
            score=engine,
            plugins=plugins,
            permissions=permissions,
            progress=progress,
        )
    )
    digest = f" (sha256 {backend.provenance.sha256[:12]})"
    section = card_section(found, model=folder.name + digest, data=data)
    save_calibrated(folder.path, target, temperature=found.temperature, section=section)
    return found


def fit(predictions: Sequence[Prediction]) -> Fit:
    """Fit a temperature to predictions for labelled turns.

    Turns without a prediction are ignored.

    Raises:
        TrainingError: If no temperature fits: too few turns, only one label, only correct
            predictions, or labels unrelated to the scores.
    """
    scored = ScoredTurns.of(predictions)
    temperature = fit_temperature(scored.probabilities[scored.known], scored.truth[scored.known])
    # Fit on all turns for the best temperature; measure its effect by cross-validation.
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
    """Return the folder of a model, given a name as for `load_model`; download it if needed.

    Raises:
        ModelNotFoundError: If the model does not exist, or is not a folder in the published
            layout.
    """
    way, colon, source = name.partition(":")
    if colon and way == "torch":
        return models.find_folder(source)
    known = as_plugins(plugins).models().keys() - {"tiny", *models.PUBLISHED}
    if name in known or (colon and way in known):
        expected = "expected a model folder in the published layout"
        raise ModelNotFoundError(f"{expected}, got {name!r}: no access to the weights of its head")
    return models.find_folder(name)


def save_calibrated(source: Path, target: Path, *, temperature: float, section: str) -> None:
    """Write a copy of a model folder with the head divided by *temperature*, atomically.

    Weights are written as ``model.pt``, which FunASR also loads. Tokens keep their order. Text
    files and pictures are copied, except ``evaluation.json``, which describes the old scores.

    Args:
        source: A model folder in the published layout.
        target: The folder to write, which must not exist.
        temperature: A positive number.
        section: Markdown to append to the model card.

    Raises:
        CheckpointError: If *target* exists, or *source* is not a model or has no head.
        ConfigError: If the configuration describes another network.
        OSError: If something cannot be read or written.
    """
    _check_target(target)
    weights = next((source / name for name in models.WEIGHTS if (source / name).is_file()), None)
    if weights is None:
        expected = " or ".join(models.WEIGHTS[:2])
        raise CheckpointError(f"{source}: expected weights in {expected}, found none")
    tensors = models.read_tensors(weights)
    if not tensors.keys() >= set(HEAD):
        raise CheckpointError(
            f"{source}: expected a model with a head ({', '.join(HEAD)}), found none"
        )
    for name in HEAD:
        # Divide in double precision, so that weights are rounded only once.
        tensors[name] = (tensors[name].double() / temperature).to(tensors[name].dtype)
    card = source / CARD
    with staging(target) as copy:
        models.save_folder(
            copy,
            config=models.read_config(source / models.CONFIG),
            tensors=tensors,
            tokens=models.read_tokens(source / models.TOKENS),
            card=(f"{read_text(card).rstrip()}\n\n" if card.is_file() else "") + section,
        )
        for each in sorted(source.iterdir()):
            is_copied = each.name not in _OWN | _OUTDATED and each.suffix.lower() in _COPIED
            if is_copied and each.is_file():
                write_whole(copy / each.name, each.read_bytes(), locked=True)


def card_section(found: Fit, *, model: str, data: str) -> str:
    """Return the calibration section of a model card, as Markdown.

    Args:
        found: The fitted temperature.
        model: Name of the original model, with a digest of its weights.
        data: Name of the data that the temperature was fitted on.
    """
    before, after, by = found.calibration.before, found.calibration.after, found.calibration.by
    plural = "" if found.speakers == 1 else "s"
    who = "" if found.speakers is None else f" of {found.speakers} speaker{plural}"
    rows = _row("original", before)
    how = f"The effect on other turns is unknown: {found.calibration.reason}."
    if after is not None:
        rows += "\n" + _row("calibrated", after)
        folds = len(found.calibration.temperatures)
        how = f"The second line is cross-validated: fitted on other {by}s, in {folds} folds."
    return f"""\
## Calibration

The head's weight and bias of {model} were divided by the temperature {found.temperature:.4f} \
(Guo et al. 2017, arXiv:1706.04599), fitted on {found.turns} turns{who} of {data}. Labels and \
embeddings do not change. Results above that depend on scores describe the original model.

| scores | expected calibration error | Brier (0 to 2) | log loss |
|---|---:|---:|---:|
{rows}

{how}
"""


def _row(name: str, found: Reliability) -> str:
    return f"| {name} | {found.ece:.3f} | {found.brier.value:.3f} | {found.log_loss:.3f} |"


def _check_target(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise CheckpointError(f"{target}: already exists; choose a new folder")


def _refuse_others(labels: Sequence[str], known: Sequence[str]) -> None:
    foreign = Counter(label for label in labels if label not in known)
    if foreign:
        found = ", ".join(f"{label} ({count})" for label, count in foreign.most_common())
        raise LabelError(
            f"true labels that the model does not have: {found}; its labels: {', '.join(known)}. "
            "To leave such turns out, map their label to null in a label map"
        )
