"""The learning curve: what each epoch gave, as a table that programs read, and as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

from emo2vec_plugins.report import rendered

DIGITS = 6
"""Significant digits of numbers in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """One epoch.

    Attributes:
        epoch: From 1.
        train_loss: Mean over the epoch's batches.
        dev_loss: Cross-entropy of the development turns, without smoothing.
        dev_ua: Their unweighted average recall.
        dev_wa: Their accuracy.
        learning_rate: At the end of the epoch.
        seconds: That the epoch took.
    """

    epoch: int
    train_loss: float
    dev_loss: float | None = None
    dev_ua: float | None = None
    dev_wa: float | None = None
    learning_rate: float
    seconds: float


@dataclass(slots=True, kw_only=True)
class History:
    """The epochs of a run so far.

    Attributes:
        epochs: Those that are done.
        best: Number of the best of them; 0 if there are no development turns.
    """

    epochs: list[EpochResult] = field(default_factory=list)
    best: int = 0


def to_csv(epochs: Sequence[EpochResult]) -> str:
    """Return one line for each epoch, under a line of the names of `EpochResult`."""
    text = io.StringIO()
    names = [each.name for each in fields(EpochResult)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for epoch in epochs:
        # None is an empty cell: there were no development turns.
        cells = {
            name: f"{value:.{DIGITS}g}" if isinstance(value, float) else value
            for name, value in asdict(epoch).items()
        }
        writer.writerow(cells)
    return text.getvalue()


def to_png(epochs: Sequence[EpochResult]) -> bytes:
    """Return a picture of the losses and, if there are development turns, of UA and WA."""
    from matplotlib.figure import Figure

    numbers = [each.epoch for each in epochs]
    judged = any(each.dev_ua is not None for each in epochs)
    figure = Figure(figsize=(8.0 if judged else 4.5, 3.5), layout="constrained")
    losses, *others = figure.subplots(1, 2 if judged else 1, squeeze=False)[0]
    losses.plot(numbers, [each.train_loss for each in epochs], label="training")
    losses.set(xlabel="epoch", ylabel="loss")
    for recalls in others:
        losses.plot(numbers, [each.dev_loss for each in epochs], label="development")
        losses.legend()
        recalls.plot(numbers, [each.dev_ua for each in epochs], label="UA")
        recalls.plot(numbers, [each.dev_wa for each in epochs], label="WA")
        recalls.set(xlabel="epoch", ylabel="on development turns", ylim=(0, 1))
        recalls.legend()
    return rendered(figure, suffix=".png")
