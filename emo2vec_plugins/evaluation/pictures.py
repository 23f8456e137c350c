"""The confusion matrix as a picture, made without a window and without pyplot's global state."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from emo2vec_plugins.evaluation.results import Confusion

COLOURS = "Blues"
"""From light to dark in one hue: for the colour-blind, and in grey print, too."""

_CELL, _MARGIN = 0.9, 2.2  # inches


def confusion_figure(confusion: Confusion) -> Figure:
    """Return a figure: in each cell the count and its share of the row, which is the colour.

    A row of no turns is left light, without shares.
    """
    counts = np.array(confusion.counts, dtype=float).reshape(len(confusion.rows), -1)
    sums = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, sums, out=np.zeros_like(counts), where=sums > 0)
    height, width = counts.shape
    figure = Figure(
        figsize=(width * _CELL + _MARGIN, height * _CELL + _MARGIN), layout="constrained"
    )
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap=COLOURS, vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{count:.0f}" + (f"\n{share:.0%}" if sums[row, 0] else ""),
            ha="center",
            va="center",
            color="white" if share > 0.5 else "black",
        )
    axes.set_xticks(range(width), confusion.columns, rotation=45, ha="right")
    axes.set_yticks(range(height), confusion.rows)
    axes.set_xlabel("heard as")
    axes.set_ylabel("true class")
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    return figure
