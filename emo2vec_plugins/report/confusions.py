"""Pictures of confusion matrices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emo2vec_plugins.core import UNSCORED
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.report.figures import drawing, new_figure, text_of
from emo2vec_plugins.report.style import palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = "Blues"
"""Light to dark in one hue, which suits colour-blind readers and greyscale prints."""

_CELL, _MARGIN = 0.9, 2.2  # inches


def confusion(pairs: Iterable[tuple[str | None, str | None]]) -> Figure:
    """Return a figure of a confusion matrix: counts, and shares of each row.

    Args:
        pairs: The true and the predicted label of each turn. Turns without a true label are
            ignored; turns without a predicted label are in a separate column.

    Raises:
        OptionsError: If no turn has a true label.
        MissingExtraError: If matplotlib is not installed.
    """
    counts = Counter((truth, predicted) for truth, predicted in pairs if truth is not None)
    rows = list(palette(truth for truth, _ in counts))
    if not rows:
        raise OptionsError("expected turns with a true label, found none")
    predictions = [predicted for _, predicted in counts]
    others = [label for label in palette(predictions) if label not in rows]
    columns = [*rows, *others, *([None] if None in predictions else [])]
    return confusion_figure(
        rows,
        [UNSCORED if name is None else name for name in columns],
        [[counts[row, column] for column in columns] for row in rows],
    )


def confusion_figure(
    rows: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]]
) -> Figure:
    """Return a figure of a confusion matrix from its counts.

    Each cell has the count and its share of the row, which sets the colour. Rows without turns stay
    light and have no shares.

    Args:
        rows: The true classes.
        columns: The predicted classes.
        counts: One sequence for each row.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    numbers = np.array(counts, dtype=float).reshape(len(rows), -1)
    sums = numbers.sum(axis=1, keepdims=True)
    # Rows without turns have no shares; dividing by 0 would warn.
    shares = np.divide(numbers, sums, out=np.zeros_like(numbers), where=sums > 0)
    height, width = numbers.shape
    with drawing():
        figure = new_figure(width * _CELL + _MARGIN, height * _CELL + _MARGIN)
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap=COLOURS, vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(numbers):
            share = shares[row, column]
            text = f"{count:.0f}" + (f"\n{share:.0%}" if sums[row, 0] else "")
            ink = "white" if share > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", color=ink)
        axes.set_xticks(range(width), [text_of(name) for name in columns], rotation=45, ha="right")
        axes.set_yticks(range(height), [text_of(name) for name in rows])
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    return figure
