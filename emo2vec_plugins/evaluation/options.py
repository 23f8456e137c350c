"""The options that say how labels of people are read, for every command that compares with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.cli import field_option, gathered, label_map_option, option
from emo2vec_plugins.core import LabelMap, import_extra

if TYPE_CHECKING:
    from emo2vec_plugins.evaluation.reading import Truth

LEFT_OUT = {
    "unlabelled": "without a label",
    "by_label_map": "left out by the label map",
    "other_labels": "with labels that --labels does not name",
    "missing_audio": "without audio",
}
"""Why turns are not used, in words. Pseudo-labels are not among it: a warning reports them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthOptions:
    """What the options say; a command asks it for the reader.

    Attributes:
        field: Of the supervisions.
        label_map: Path of a file; None if there is none.
        skip_unlabelled: Leave out turns without a label.
    """

    field: str
    label_map: str | None
    skip_unlabelled: bool

    def reader(self, labels: tuple[str, ...] | None = None) -> Truth:
        """Return what reads the labels, of these labels alone if any are given."""
        require_libraries()
        from emo2vec_plugins.evaluation.reading import Truth

        return Truth(
            field=self.field,
            label_map=read_label_map(self.label_map),
            labels=labels,
            skip_unlabelled=self.skip_unlabelled,
        )


def truth_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; it is called with ``truth=TruthOptions(...)`` for them."""
    skip = "Leave out turns without a label; they are an error otherwise."
    options = {
        "field": field_option,
        "label_map": label_map_option,
        "skip_unlabelled": option("--skip-unlabelled", skip),
    }
    return gathered("truth", TruthOptions, options)(command)


def read_label_map(path: str | None) -> LabelMap:
    """Return the map in a file; one that changes nothing if there is no file."""
    return LabelMap() if path is None else LabelMap.read(path)


def describe_left_out(counts: Mapping[str, int]) -> str:
    """Say how many turns are not used, and why; empty if all are.

    Args:
        counts: By the reasons in `LEFT_OUT`; others are ignored.
    """
    return ", ".join(f"{counts[why]} {said}" for why, said in LEFT_OUT.items() if counts.get(why))


def require_libraries() -> None:
    """Find out whether the libraries are there before the work, not after an hour of it.

    Raises:
        MissingExtraError: If one is missing; names the extra that installs it.
    """
    for library in ("lhotse", "matplotlib", "sklearn"):
        import_extra(library, extra="train")
