"""The learning curve: the results of each epoch, as CSV and as a plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

from emo2vec_plugins.report import rendered

DIGITS = 6
"""Significant digits of numbers in the CSV file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """The results of one epoch; *dev_...* are None without development turns.

    Attributes:
        epoch: Number of the epoch, from 1.
        train_loss: Mean over the epoch's batches.
        dev_loss: Cross-entropy on the development turns, without label smoothing.
        dev_ua: Unweighted average recall on the development turns.
        dev_wa: Accuracy on the development turns.
        learning_rate: Learning rate at the end of the epoch.
        seconds: Duration of the epoch.
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
        epochs: The completed epochs.
        best: Number of the best epoch; 0 without development turns.
    """

    epochs: list[EpochResult] = field(default_factory=list)
    best: int = 0


def to_csv(epochs: Sequence[EpochResult]) -> str:
    """Return a header with the attributes of `EpochResult`, and one line per epoch."""
    text = io.StringIO()
    names = [each.name for each in fields(EpochResult)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for epoch in epochs:
        # None becomes an empty cell.
        cells = {
            name: f"{value:.{DIGITS}g}" if isinstance(value, float) else value
            for name, value in asdict(epoch).items()
        }
        writer.writerow(cells)
    return text.getvalue()


def to_png(epochs: Sequence[EpochResult]) -> bytes:
    """Return a plot of the losses and, with development turns, of UA and WA."""
    from matplotlib.figure import Figure

    numbers = [each.epoch for each in epochs]
    has_dev = any(each.dev_ua is not None for each in epochs)
    figure = Figure(figsize=(8.0 if has_dev else 4.5, 3.5), layout="constrained")
    losses, *others = figure.subplots(1, 2 if has_dev else 1, squeeze=False)[0]
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
