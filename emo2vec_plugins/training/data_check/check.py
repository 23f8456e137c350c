"""The whole check: measure the turns, and gather what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from emo2vec_plugins.core import counted
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.training.data_check.content import doubtful, duplicates
from emo2vec_plugins.training.data_check.nuisance import Told, giveaways, tell
from emo2vec_plugins.training.data_check.origins import origins
from emo2vec_plugins.training.data_check.sound import measure
from emo2vec_plugins.training.data_check.turns import CheckedTurn, Finding, checked_turn, ids
from emo2vec_plugins.training.examples import Example

WEIGHTS = ("error", "warning", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """The result of a check.

    Attributes:
        turns: The training turns, then the development turns.
        told: What values that should tell nothing tell about the label, in training turns.
        findings: What was found, the gravest first.
    """

    turns: tuple[CheckedTurn, ...]
    told: tuple[Told, ...]
    findings: tuple[Finding, ...]

    def of(self, weight: str) -> list[Finding]:
        """Return the findings of one weight."""
        return [finding for finding in self.findings if finding.weight == weight]


def check_data(
    train: Sequence[Example],
    dev: Sequence[Example] = (),
    *,
    longest: float,
    problems: Sequence[Exception] = (),
    listen: bool = True,
    progress: Callable[[], object] = lambda: None,
) -> DataCheck:
    """Check training data.

    Audio is read turn by turn, in blocks, and only numbers are kept. The result depends on nothing
    but the turns.

    Args:
        train: The training turns.
        dev: The development turns.
        longest: Longest stretch of a turn that is trained on, in seconds.
        problems: Why training on them is impossible, as far as it is known.
        listen: Whether to read the audio. Otherwise, only the manifest is checked, in seconds.
        progress: Called after each turn.
    """
    turns: list[CheckedTurn] = []
    unreadable: list[tuple[CheckedTurn, AudioError]] = []
    for is_dev, side in ((False, train), (True, dev)):
        for example in side:
            turn = checked_turn(example, is_dev=is_dev)
            if listen:
                try:
                    turn = replace(turn, sound=measure(example.blocks()))
                except AudioError as error:
                    unreadable.append((turn, error))
            turns.append(turn)
            progress()
    errors = [Finding(kind="impossible", weight="error", what=str(each)) for each in problems]
    errors += _unreadable(unreadable, len(turns))
    return gathered(turns, longest=longest, errors=errors)


def gathered(
    turns: Sequence[CheckedTurn], *, longest: float, errors: Sequence[Finding] = ()
) -> DataCheck:
    """Return everything that turns show.

    Args:
        turns: The turns; what can be heard is found only in turns whose sound was measured.
        longest: Longest stretch of a turn that is trained on, in seconds.
        errors: What makes training impossible.
    """
    training = [turn for turn in turns if not turn.is_dev]
    told = tell(training)
    found = [
        *errors,
        *origins(turns),
        *doubtful(turns, longest=longest),
        *duplicates(turns),
        *giveaways(told, training),
    ]
    found.sort(key=lambda finding: WEIGHTS.index(finding.weight))
    return DataCheck(turns=tuple(turns), told=tuple(told), findings=tuple(found))


def _unreadable(failed: Sequence[tuple[CheckedTurn, AudioError]], of: int) -> Iterator[Finding]:
    if failed:
        yield Finding(
            kind="unreadable",
            weight="error",
            what=f"the audio of {len(failed):,} of {counted(of, 'turn')} cannot be read: "
            f"{failed[0][1]}",
            example=ids([turn for turn, _ in failed]),
            advice="training stops at such turns: repair the audio, or leave them out",
        )
