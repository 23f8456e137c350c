"""The options that say how labels of people are read, for every command that compares with them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins.errors import LabelError, MissingExtraError

if TYPE_CHECKING:
    from lhotse.cut import Cut

    from emo2vec_plugins.evaluation.reading import Truth

Command = Callable[..., Any]


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

    def reader(self, classes: tuple[str, ...] | None = None) -> Truth:
        """Return what reads the labels, of these classes alone if any are given."""
        with extra():
            from emo2vec_plugins.evaluation.reading import Truth
        from emo2vec_plugins.core import LabelMap

        return Truth(
            field=self.field,
            label_map=LabelMap() if self.label_map is None else LabelMap.read(self.label_map),
            classes=classes,
            skip_unlabelled=self.skip_unlabelled,
        )


LEFT_OUT = {
    "unlabelled": "without a label",
    "by_label_map": "left out by the label map",
    "other_classes": "of classes that --labels does not name",
    "missing_audio": "without audio",
}
"""Why turns are not used, in words. Of pseudo-labels, a warning tells."""

_OPTIONS = (
    click.option(
        "--label-map",
        metavar="FILE",
        help="YAML or JSON: what the corpus's names mean ('happiness: happy'); null leaves out.",
    ),
    click.option(
        "--skip-unlabelled", is_flag=True, help="Leave out turns without a label; an error if not."
    ),
)


def truth_options(field: str) -> Callable[[Command], Command]:
    """Return what gives a command the options; it is called with ``truth=TruthOptions(...)``.

    Args:
        field: What the option is called that names the field: ``--field``, if there is but one.
    """
    named = click.option(
        field,
        "truth_field",
        metavar="NAME",
        default="emotion",
        show_default=True,
        help="The field with the labels that people gave.",
    )

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gather(
            *, truth_field: str, label_map: str | None, skip_unlabelled: bool, **given: Any
        ) -> Any:
            own = TruthOptions(
                field=truth_field, label_map=label_map, skip_unlabelled=skip_unlabelled
            )
            return command(truth=own, **given)

        decorated: Command = gather
        for option in reversed((named, *_OPTIONS)):
            decorated = option(decorated)
        return decorated

    return decorate


def told_left_out(counts: Mapping[str, int]) -> str:
    """Say how many turns are not used, and why; empty if all are.

    Args:
        counts: By the reasons in `LEFT_OUT`; others are not told.
    """
    return ", ".join(f"{counts[why]} {said}" for why, said in LEFT_OUT.items() if counts.get(why))


def labelled_manifest(path: Path) -> list[Cut]:
    """Return the cuts of a manifest that is to have labelled turns.

    Raises:
        FormatError: If it is none.
        LabelError: If it is empty.
        OSError: If it cannot be read.
    """
    from emo2vec_plugins.evaluation.reading import read_cuts

    cuts = read_cuts(path)
    if not cuts:
        raise LabelError(f"{path}: there are no cuts in it")
    return cuts


@contextmanager
def extra() -> Iterator[None]:
    """Say which extra is missing if an import in the block fails.

    Raises:
        MissingExtraError: With the command that installs it.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f"this needs libraries of an extra: pip install 'emo2vec-plugins[train]' ({error})"
        ) from error
