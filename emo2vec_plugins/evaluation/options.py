"""Options for reading human labels, shared by all commands that compare with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.cli import field_option, gathered, label_map_option, option
from emo2vec_plugins.core import require_extra
from emo2vec_plugins.formats import LabelMap

if TYPE_CHECKING:
    from emo2vec_plugins.evaluation.reading import Truth

LEFT_OUT = {
    "unlabelled": "without a label",
    "by_label_map": "left out by the label map",
    "other_labels": "with labels not in --labels",
    "missing_audio": "without audio",
}
"""Reasons why turns are not used, as text. A warning reports labels of models instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthOptions:
    """Values of the options.

    Attributes:
        field: Custom field of the supervisions with the label.
        label_map: Path of a label map; None for no mapping.
        skip_unlabelled: Leave out turns without a label.
    """

    field: str
    label_map: str | None
    skip_unlabelled: bool

    def reader(self, labels: tuple[str, ...] | None = None) -> Truth:
        """Return a reader of true labels, restricted to *labels* if given."""
        from emo2vec_plugins.evaluation.reading import Truth

        return Truth(
            field=self.field,
            label_map=read_label_map(self.label_map),
            labels=labels,
            skip_unlabelled=self.skip_unlabelled,
        )


def truth_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which receives them as ``truth=TruthOptions(...)``."""
    skip = "Leave out turns without a label instead of reporting an error."
    options = {
        "field": field_option,
        "label_map": label_map_option,
        "skip_unlabelled": option("--skip-unlabelled", skip),
    }
    return gathered("truth", TruthOptions, options)(command)


def read_label_map(path: str | None) -> LabelMap:
    """Read a label map from a file; None gives a map that changes nothing."""
    return LabelMap() if path is None else LabelMap.read(path)


def describe_left_out(counts: Mapping[str, int]) -> str:
    """Describe how many turns are not used and why; an empty string if all are used.

    Args:
        counts: Numbers of turns by the keys of `LEFT_OUT`; other keys are ignored.
    """
    return ", ".join(f"{counts[key]} {text}" for key, text in LEFT_OUT.items() if counts.get(key))


def require_libraries(command: str) -> None:
    """Check that all libraries of a command are installed before the work starts.

    Raises:
        MissingExtraError: If one is missing; the message names the extra that installs it.
    """
    for library in ("lhotse", "matplotlib", "sklearn"):
        require_extra(library, extra="train", purpose=command)
