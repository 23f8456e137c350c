"""Pictures of a recording's emotions, and of how two judge the same turns, as matplotlib figures.

They need the extra ``pictures``. No window is opened, and nothing of pyplot is touched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.labels import UNSCORED
from emo2vec_plugins.report.drawing import SUFFIXES, drawing, rendered, save
from emo2vec_plugins.report.looks import palette
from emo2vec_plugins.report.timelines import timeline
from emo2vec_plugins.report.trajectories import trajectories

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SUFFIXES", "confusion", "rendered", "save", "timeline", "trajectories"]


def confusion(pairs: Iterable[tuple[str | None, str | None]]) -> Figure:
    """Return a picture of who was taken for whom: counts, and shares of each row.

    Args:
        pairs: For each turn its true label, and what it was heard as. Turns without a true label
            are left out; what has no other one is in a column of its own.

    Raises:
        OptionsError: If no turn has a true label.
        MissingExtraError: If matplotlib is not installed.
    """
    counts = Counter((truth, heard) for truth, heard in pairs if truth is not None)
    rows = list(palette(truth for truth, _ in counts))
    if not rows:
        raise OptionsError("expected turns with a true label, found none")
    others = [label for label in palette(heard for _, heard in counts) if label not in rows]
    silent: list[str | None] = [None] if any(heard is None for _, heard in counts) else []
    columns = [*rows, *others, *silent]
    with drawing():
        from emo2vec_plugins.evaluation.pictures import confusion_figure
        from emo2vec_plugins.evaluation.results import Confusion

        return confusion_figure(
            Confusion(
                rows=tuple(rows),
                columns=tuple(UNSCORED if name is None else name for name in columns),
                counts=tuple(tuple(counts[row, column] for column in columns) for row in rows),
            )
        )
