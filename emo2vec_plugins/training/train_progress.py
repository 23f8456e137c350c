"""Terminal output of a training run: progress bars, and a line for each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emo2vec_plugins import cli

if TYPE_CHECKING:
    from emo2vec_plugins.training.history import EpochResult


class TrainProgress:
    """Terminal output during a run; epochs completed by an earlier run are only counted."""

    def __init__(
        self, bar: Callable[..., None] | None, *, epochs: int, embeddings: int, quiet: bool
    ) -> None:
        self._bar = bar or (lambda *_, **__: None)
        self._epochs, self._embeddings, self._quiet = epochs, embeddings, quiet
        self._embedded = self._before = 0

    def resumed(self, count: int) -> None:
        """Report that a run resumes; its completed epochs are not shown again."""
        self._before = count
        cli.note(f"resuming after epoch {count} of {self._epochs}", quiet=self._quiet)

    def epoch(self, row: EpochResult) -> None:
        """Show a completed epoch."""
        self._bar("epochs", None, completed=row.epoch, total=self._epochs)
        if row.epoch > self._before:
            ua = "" if row.dev_ua is None else f", development UA {row.dev_ua:.1%}"
            line = f"epoch {row.epoch} of {self._epochs}: loss {row.train_loss:.3f}{ua}"
            cli.note(line, quiet=self._quiet)
        elif row.epoch == self._before:
            self._before = 0  # all following epochs are new, or of another fold

    def embedded(self, count: int) -> None:
        """Add completed embeddings to the progress bar."""
        self._embedded += count
        self._bar("embeddings", None, completed=self._embedded, total=self._embeddings)
