"""What resumable runs have in common: how much is scored at a time, and what identifies a scorer.

A resumed run writes the same bytes as an uninterrupted one, so their batches must be the same.
Therefore items are scored in groups that depend only on the input, and a run resumes at the start
of a group.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emo2vec_plugins.core import Options

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


def option_values(options: Options, names: Iterable[str]) -> dict[str, Any]:
    """Return the options on which an output depends; those that mean the same are equal.

    Args:
        options: The options of a run.
        names: Fields of *options*. What inputs may do, ``allow`` and ``root``, is always added.
    """
    values = {name: getattr(options, name) for name in names}
    root = None if options.root is None else os.path.realpath(options.root)
    return values | {"allow": sorted({*options.permissions.allow}), "root": root}
