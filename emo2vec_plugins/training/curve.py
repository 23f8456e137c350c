"""The learning curve: a table that programs read, and a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import TYPE_CHECKING

from emo2vec_plugins.training.progress import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIGITS = 6
"""Significant digits of numbers in the table."""


def to_csv(rows: Sequence[Row]) -> str:
    """Return one line for each epoch, under a line of the names of `Row`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([each.name for each in fields(Row)])
    writer.writerows([[_cell(value) for value in astuple(row)] for row in rows])
    return text.getvalue()


def picture(rows: Sequence[Row]) -> Figure:
    """Return the losses and, where there are any, what development turns say, by epoch."""
    from matplotlib.figure import Figure

    epochs = [row.epoch for row in rows]
    judged = any(row.dev_ua is not None for row in rows)
    figure = Figure(figsize=(8.0 if judged else 4.5, 3.5), layout="constrained")
    losses, *others = figure.subplots(1, 2 if judged else 1, squeeze=False)[0]
    losses.plot(epochs, [row.train_loss for row in rows], label="training")
    losses.set(xlabel="epoch", ylabel="loss")
    if others:
        losses.plot(epochs, [row.dev_loss for row in rows], label="development")
        losses.legend()
        recalls = others[0]
        recalls.plot(epochs, [row.dev_ua for row in rows], label="UA")
        recalls.plot(epochs, [row.dev_wa for row in rows], label="WA")
        recalls.set(xlabel="epoch", ylabel="on development turns", ylim=(0, 1))
        recalls.legend()
    return figure


def to_png(rows: Sequence[Row]) -> bytes:
    """Return the picture as the bytes of a PNG file; no window, no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = picture(rows)
    content = io.BytesIO()
    FigureCanvasAgg(figure).print_png(content)
    return content.getvalue()


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.{DIGITS}g}"
