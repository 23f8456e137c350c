"""Calibration of a model: a temperature for its scores, and a measure of doubt for its results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lhotse.cut import Cut

from emo2vec_plugins import models
from emo2vec_plugins.core import Permissions, Plugins, one_line, shortened, shown
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import LabelError, OptionsError, TrainingError
from emo2vec_plugins.evaluation.calibrated_folder import check_target, model_folder, save_calibrated
from emo2vec_plugins.evaluation.doubt import DoubtFit, DoubtTest, doubt_of_turns
from emo2vec_plugins.evaluation.fields import fields_of, with_fields
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.reading import Truth, predict
from emo2vec_plugins.evaluation.reliability import ScoredTurns, calibration_of, fit_temperature
from emo2vec_plugins.evaluation.values import COVERAGE, Calibration, Reliability


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A temperature and its effect on the scores.

    Attributes:
        temperature: Fitted on all turns.
        calibration: Reliability before and after; *after* is cross-validated, with temperatures
            fitted on other turns.
        turns: Number of turns that *temperature* was fitted on.
        speakers: Number of speakers; None if the speaker of any turn is unknown.
        doubt: The measure of doubt for the calibrated scores.
    """

    temperature: float
    calibration: Calibration
    turns: int
    speakers: int | None
    doubt: DoubtFit


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
    by: str | None = None,
    coverage: float = COVERAGE,
) -> Fit:
    """Fit a temperature and a measure of doubt on labelled turns, and save a calibrated copy.

    Turns that are all right or all wrong give no measure: then the copy has none.

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
        by: Field of the supervisions that the test of the measure leaves out, such as ``corpus``;
            None for the first of `emo2vec_plugins.evaluation.doubt.LEFT_OUT` that all turns name.
        coverage: Share of the turns whose doubt is at most the threshold of the measure.

    Raises:
        LabelError: If labels are missing, unknown, or not among the model's labels.
        TrainingError: If no temperature fits.
        CheckpointError, ConfigError: If the model is invalid, or *target* exists.
        ModelNotFoundError: If the model is not found or is not a folder.
        OptionsError: If the model has no head, *coverage* is not a share, or *by* does not tell the
            turns apart.
        OSError: If the copy cannot be written; no partial copy remains.
    """
    check_target(target)  # like the labels, before hours of downloading and scoring
    if not 0 < coverage < 1:
        raise OptionsError(f"coverage must be between 0 and 1, got {coverage}")
    turns = truth.turns(cuts)
    if by is not None:
        fields = fields_of(turns, [by])
        _check_by(fields, by)
    folder = model_folder(model, plugins=plugins)
    backend = models.load_folder(folder, device=device, dtype=dtype)
    if backend.labels.names:
        _refuse_others([each.label for each in turns], backend.labels.names)
    engine = Engine(backend)
    predictions = predict(
        cuts,
        truth=truth,
        score=engine,
        plugins=plugins,
        permissions=permissions,
        progress=progress,
        embeddings=True,
    )
    if by is not None:
        predictions = with_fields(predictions, fields)
    found = fit(predictions, by=by, coverage=coverage)
    digest = f" (sha256 {backend.provenance.sha256[:12]})"
    section = card_section(found, model=folder.name + digest, data=data)
    save_calibrated(
        folder.path,
        target,
        temperature=found.temperature,
        section=section,
        doubt=found.doubt.measure,
    )
    return found


def fit(
    predictions: Sequence[Prediction], *, by: str | None = None, coverage: float = COVERAGE
) -> Fit:
    """Fit a temperature and a measure of doubt to predictions for labelled turns.

    Turns without a prediction are ignored. Predictions without embeddings give no measure.

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
        doubt=doubt_of_turns(scored, temperature=temperature, by=by, coverage=coverage),
    )


def card_section(found: Fit, *, model: str, data: str) -> str:
    """Return the calibration section of a model card, as Markdown.

    Args:
        found: The fitted temperature.
        model: Name of the original model, with a digest of its weights.
        data: Name of the data that the temperature was fitted on.

    Both may be names of files, with any characters.
    """
    model, data = one_line(model), one_line(data)
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

{doubt_section(found.doubt)}"""


def doubt_section(found: DoubtFit) -> str:
    """Return the section of a model card about the measure of doubt, as Markdown."""
    if found.measure is None:
        return f"The model has no measure of doubt: {found.reason}.\n"
    text = f"""\
## Doubt

`doubt.json` estimates the probability that a label is wrong, from how sure the scores are and how \
far the embedding is from those of these turns (Lee et al. 2018, arXiv:1807.03888). With `--abstain`, \
labels with a doubt above {found.measure.threshold:.2g} are withheld.
"""
    if found.test is None:
        return f"{text}\nIts effect on other turns is unknown: {found.reason}.\n"
    return f"{text}\n{_tested(found.test)}\n"


def _tested(test: DoubtTest) -> str:
    rows = "\n".join(
        f"| {share:.0%} | {100 * recall:.1f} |" for share, recall in test.recalls.items()
    )
    labels = "\n".join(f"| {name} | {100 * share:.1f} |" for name, share in test.kept.items())
    return f"""\
Tested on {test.turns} turns in {test.folds} folds, with no {test.by} on both sides of a fold: \
{test.risk:.1%} of the labels are wrong, and {test.risk_area:.1%} is the area under the risk-coverage curve (Geifman et \
al. 2019, arXiv:1805.08206), which would be the same if the doubt said nothing. The threshold of the \
other turns withholds {test.withheld:.1%} of the labels.

| turns with the least doubt | unweighted average recall % |
|---:|---:|
{rows}

A label that none of these turns has counts as a recall of 0.

| true label | turns that keep their label % |
|---|---:|
{labels}"""


def _row(name: str, found: Reliability) -> str:
    return f"| {name} | {found.ece:.3f} | {found.brier.value:.3f} | {found.log_loss:.3f} |"


def _check_by(fields: Sequence[Mapping[str, str]], by: str) -> None:
    values = {each.get(by) for each in fields}
    if None in values or len(values) < 2:
        found = ", ".join(sorted(map(shown, values)))
        raise OptionsError(
            f"to leave out one {shown(by)} at a time, every turn must name one, and at least two "
            f"must differ, got {shortened(found)}"
        )


def _refuse_others(labels: Sequence[str], known: Sequence[str]) -> None:
    foreign = Counter(label for label in labels if label not in known)
    if foreign:
        found = ", ".join(f"{label} ({count})" for label, count in foreign.most_common())
        raise LabelError(
            f"true labels that the model does not have: {found}; its labels: {', '.join(known)}. "
            "To leave such turns out, map their label to null in a label map"
        )
