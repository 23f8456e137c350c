"""What resumable runs have in common: how much is scored at a time, and what identifies a scorer.

A resumed run writes the same bytes as an uninterrupted one, so their batches must be the same.
Therefore items are scored in groups that depend only on the input, and a run resumes at the start
of a group.
"""

from __future__ import annotations

from typing import Any

GROUP_BATCHES = 10
"""Batches in a group: the most that a resumed run scores again."""

DEFAULT_BATCH_SECONDS = 30.0
"""Seconds of audio in a batch, for scorers without a ``batch_seconds`` attribute."""


def group_seconds(score: Any) -> float:
    """Return the seconds of audio in a group."""
    return GROUP_BATCHES * float(getattr(score, "batch_seconds", DEFAULT_BATCH_SECONDS))


def identity_of(score: Any) -> Any:
    """Return JSON values that identify a scorer: its ``identity``, or the name of its class."""
    return getattr(score, "identity", f"{type(score).__module__}.{type(score).__qualname__}")
