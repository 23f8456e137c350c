"""Turns that are doubtful by their content, and turns that occur more than once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency

from emo2vec_plugins.core import counted
from emo2vec_plugins.training.data_check.turns import CheckedTurn, Finding, grouped, ids

SHORT = 0.3
"""Seconds; a shorter turn hardly contains a syllable."""

UNEVEN = 0.1
"""Difference between the shares of two labels from which a property may give a label away."""

UNLIKELY = 0.001
"""Largest probability with which chance alone explains the difference (chi-squared test)."""

_CLIPPED = 0.001
_ZEROS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A property of turns that should be rare.

    Attributes:
        kind: Its short name.
        what: What the turns are or have, in words.
        has: Whether a turn has it.
        advice: What to do.
        is_harmless: Whether it matters only if labels differ in it.
    """

    kind: str
    what: str
    has: Callable[[CheckedTurn], bool]
    advice: str
    is_harmless: bool = False


def properties(longest: float) -> tuple[Property, ...]:
    """Return the properties to look for.

    Args:
        longest: Longest stretch of a turn that is trained on, in seconds.
    """
    return (
        Property(
            kind="short",
            what=f"are shorter than {SHORT:g} s",
            has=lambda turn: turn.seconds < SHORT,
            advice="listen to some, and leave them out if nobody can hear the emotion",
        ),
        Property(
            kind="long",
            what=f"are longer than {longest:g} s",
            has=lambda turn: turn.seconds > longest,
            advice="a part of each is trained on at a time, and its emotion may be elsewhere: "
            "divide them into turns with a label each",
            is_harmless=True,
        ),
        Property(
            kind="silent",
            what="are without speech: silent, or of a steady level",
            has=lambda turn: turn.sound is not None and turn.sound.is_silent,
            advice="check the times of these turns, and leave them out",
        ),
        Property(
            kind="clipped",
            what=f"are clipped: at least {_CLIPPED:.1%} of the samples at full scale",
            has=lambda turn: turn.sound is not None and turn.sound.clipped >= _CLIPPED,
            advice="record again at a lower level, or train with clip",
            is_harmless=True,
        ),
        Property(
            kind="zeros",
            what=f"have at least {_ZEROS:.0%} digital silence",
            has=lambda turn: turn.sound is not None and turn.sound.zeros >= _ZEROS,
            advice="cut the silence off, or train with noise or dither",
            is_harmless=True,
        ),
    )


def doubtful(turns: Sequence[CheckedTurn], *, longest: float) -> Iterator[Finding]:
    """Yield a finding for each property that some turns have.

    Args:
        turns: The turns; properties of sound are looked for where it was measured.
        longest: Longest stretch of a turn that is trained on, in seconds.
    """
    labels = grouped(turns, "label")
    for each in properties(longest):
        found = [turn for turn in turns if each.has(turn)]
        if not found:
            continue
        have = {label: sum(map(each.has, own)) for label, own in labels.items()}
        is_uneven = _are_uneven([*have.values()], [*map(len, labels.values())])
        by = ", ".join(f"{label} {have[label]} of {len(own)}" for label, own in labels.items())
        uneven = ", which tells labels apart" if is_uneven else ""
        what = f"{len(found):,} of {counted(len(turns), 'turn')} {each.what}"
        yield Finding(
            kind=each.kind,
            weight="note" if each.is_harmless and not is_uneven else "warning",
            what=f"{what}: {by}{uneven}",
            example=ids(found),
            advice=each.advice,
        )


def duplicates(turns: Sequence[CheckedTurn]) -> Iterator[Finding]:
    """Yield findings about turns with the same audio: the same samples, or the same span."""
    same: dict[str, list[CheckedTurn]] = {}
    for turn in turns:
        same.setdefault(turn.sound.digest if turn.sound else turn.place, []).append(turn)
    groups = [group for group in same.values() if len(group) > 1]
    disagreeing = [group for group in groups if _differ(group, "label")]
    shared = [group for group in groups if _differ(group, "is_dev")]
    repeated = [
        group for group in groups if not (_differ(group, "label") or _differ(group, "is_dev"))
    ]
    if disagreeing:
        yield Finding(
            kind="contradictory",
            weight="warning",
            what=f"the same audio has different labels: {_turns_of(disagreeing)}",
            example=", ".join(f"{turn.id} {turn.label}" for turn in disagreeing[0][:3]),
            advice="keep the right label, or leave these turns out",
        )
    if shared:
        yield Finding(
            kind="shared",
            weight="warning",
            what=f"the same audio is in training and development turns: {_turns_of(shared)}",
            example=ids(shared[0]),
            advice="leave it out of one side, or the results are too good",
        )
    if repeated:
        yield Finding(
            kind="repeated",
            weight="note",
            what=f"the same audio occurs more than once: {_turns_of(repeated)}",
            example=ids(repeated[0]),
            advice="leave the copies out, which count twice",
        )


def _differ(turns: Sequence[CheckedTurn], field: str) -> bool:
    return len({getattr(turn, field) for turn in turns}) > 1


def _are_uneven(have: Sequence[int], of: Sequence[int]) -> bool:
    """Return whether shares differ by more than chance, and by enough to matter."""
    shares = np.array(have) / np.array(of)
    if shares.max() - shares.min() < UNEVEN:
        return False
    return bool(chi2_contingency([have, np.array(of) - have]).pvalue < UNLIKELY)


def _turns_of(groups: Sequence[Sequence[CheckedTurn]]) -> str:
    turns = counted(sum(map(len, groups)), "turn")
    return f"{turns} in {counted(len(groups), 'group')}"
