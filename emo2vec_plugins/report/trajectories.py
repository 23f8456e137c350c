"""How probable each emotion is in the course of a recording, speaker by speaker."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import Dialogue, ScoredTurn
from emo2vec_plugins.errors import LabelError, OptionsError
from emo2vec_plugins.report.figures import drawing, heading, key, new_figure, text_of, time_axis
from emo2vec_plugins.report.layout import between, extent, spoken_by
from emo2vec_plugins.report.style import counted, palette
from emo2vec_plugins.report.summary import SPAN, by_speaker

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Floats = npt.NDArray[np.float64]

LEAST = 0.02
"""Share of the bell in which there is to be speech, for there to be a probability."""

_BLOCK = 16  # moments at a time: memory is that times the number of turns near them
_FAR = 8  # standard deviations: the area of the bell beyond is nothing in double precision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Smoothed:
    """Probabilities over time.

    Attributes:
        times: Shape (moments,), in seconds.
        probabilities: Shape (moments, labels); rows of NaN where nobody speaks.
    """

    times: Floats
    probabilities: Floats


def smoothed(
    turns: Sequence[ScoredTurn],
    *,
    labels: Sequence[str],
    start: float,
    end: float,
    seconds: float,
    moments: int = 600,
) -> Smoothed:
    """Return the mean probability of each label around each moment, by time.

    Around a moment lies a bell curve with a standard deviation of *seconds*. Each turn counts as
    much as the part of the bell's area that lies over it, so long turns count more than short
    ones, and near ones more than far ones. Where less than 2 % of the area lies over turns, there
    is no probability.

    Args:
        turns: Of one speaker. Those without probabilities count as silence.
        labels: Whose probabilities to return, in that order.
        start: First moment, in seconds.
        end: Last moment.
        seconds: Standard deviation, above 0.
        moments: How many, evenly spaced.
    """
    scored = with_scores(turns)
    times = np.linspace(start, end, moments)
    starts, ends = np.array(list(map(SPAN, scored)), dtype=float).reshape(-1, 2).T
    values = probabilities(scored, labels=labels)
    rows = []
    for i in range(0, moments, _BLOCK):
        block = times[i : i + _BLOCK, None]
        # Only turns under the bell: the product of all turns and moments would fill the memory.
        near = (ends >= block[0] - _FAR * seconds) & (starts <= block[-1] + _FAR * seconds)
        rows.append(_means(block, starts[near], ends[near], values[near], seconds))
    return Smoothed(times=times, probabilities=np.concatenate(rows))


def with_scores(turns: Iterable[ScoredTurn]) -> list[ScoredTurn]:
    """Return the turns that have a probability of each class, not a label alone."""
    return [each for each in turns if each.emotion.scores]


def probabilities(turns: Sequence[ScoredTurn], *, labels: Sequence[str]) -> Floats:
    """Return the turns' probabilities, of shape (turns, labels); 0 for classes they have not."""
    rows = [[each.emotion.scores.get(label, 0.0) for label in labels] for each in turns]
    return np.array(rows, dtype=float).reshape(len(turns), len(labels))


# numpy has none, and SciPy is of another extra.
_error_function = np.vectorize(math.erf, otypes=[float])


def _means(times: Floats, starts: Floats, ends: Floats, values: Floats, seconds: float) -> Floats:
    weights = _area((ends - times) / seconds) - _area((starts - times) / seconds)
    sums = weights.sum(axis=1, keepdims=True)
    known = sums >= LEAST
    return np.where(known, weights @ values / np.where(known, sums, 1.0), np.nan)


def _area(deviations: Floats) -> Floats:
    """Return the area of the normal bell curve up to so many standard deviations."""
    area: Floats = 0.5 * (1 + _error_function(deviations / math.sqrt(2)))
    return area


MOST_STEPS = 40
"""Turns of a speaker that are drawn one by one; more are smoothed by default."""

MOST_SPEAKERS = 60
"""Panels of a figure."""

_WIDTH, _MARGINS, _USUAL = 11.0, 1.1, 10.0  # inches
_HIGH, _LOW = 1.9, 0.9  # inches of a panel
_BELLS = 80  # standard deviations in the time that is drawn


def trajectories(
    dialogue: Dialogue,
    *,
    labels: Sequence[str] | None = None,
    speaker: str | None = None,
    start: float | None = None,
    end: float | None = None,
    smoothing: float | None = None,
) -> Figure:
    """Return a figure with a panel for each speaker, and a line for each emotion's probability.

    Without smoothing, each turn is a level as long as the turn, and thin lines lead from turn to
    turn. With it, lines are means by time under a bell curve, in which long turns count more
    than short ones; `emo2vec_plugins.report.smoothed` says how. Turns that have no
    probabilities are left out, and counted in the heading.

    Args:
        dialogue: One recording, read from a format that holds the probability of every class.
        labels: The emotions to draw; all if None.
        speaker: Whose turns to draw; everybody's if None.
        start: Seconds; where the recording begins if None.
        end: Seconds; where it ends if None.
        smoothing: Standard deviation of the bell curve in seconds; 0 for turn by turn. If None, 0
            where nobody has more than 40 turns, else an eightieth of the time that is drawn.

    Raises:
        LabelError: If no turn has a probability of one of *labels*.
        OptionsError: If nobody is called *speaker*, no turn has probabilities, there are more
            than 60 speakers, *smoothing* is negative, or *start* is not before *end*.
        MissingExtraError: If matplotlib is not installed.
    """
    spoken = dialogue if speaker is None else spoken_by(dialogue, [speaker])
    first, last = extent(dialogue, start=start, end=end)
    shown = between(spoken, first, last)
    said = by_speaker(with_scores(shown.turns))
    names = _labels(shown, labels)
    if len(said) > MOST_SPEAKERS:
        found = f"there are {len(said)} speakers, {MOST_SPEAKERS} can be drawn at once"
        raise OptionsError(f"{dialogue.recording}: {found}; say whose turns to draw")
    usual = (last - first) / _BELLS if max(map(len, said.values())) > MOST_STEPS else 0.0
    bell = usual if smoothing is None else smoothing
    if not 0 <= bell < float("inf"):
        raise OptionsError(f"smoothing is a number of seconds, 0 or more, got {bell}")
    with drawing():
        return _figure(shown, said, palette(names), (first, last), bell)


def _labels(dialogue: Dialogue, wanted: Sequence[str] | None) -> list[str]:
    found = {label for each in dialogue.turns for label in each.emotion.scores}
    if not found:
        lack = "no turn here has the probability of every class, as in emotions.jsonl files"
        raise OptionsError(f"{dialogue.recording}: {lack}")
    # A text is a sequence, too, of its letters.
    if isinstance(wanted, str):
        raise LabelError(f"labels is a list of names, got the string {wanted!r}")
    missing = [label for label in wanted or () if label not in found]
    if missing:
        known = ", ".join(sorted(found))
        raise LabelError(f"no turn has a probability of {missing[0]!r}; there are {known}")
    return list(palette(wanted or found))


def _figure(
    dialogue: Dialogue,
    said: Mapping[str | None, Sequence[ScoredTurn]],
    colours: Mapping[str, str],
    window: tuple[float, float],
    bell: float,
) -> Figure:
    height = min(max(_USUAL / len(said), _LOW), _HIGH)
    figure = new_figure(_WIDTH, len(said) * height + _MARGINS)
    heading(figure, _title(dialogue, sum(map(len, said.values())), bell))
    panels = figure.subplots(len(said), squeeze=False, sharex=True)[:, 0]
    for axes, (speaker, turns) in zip(panels, said.items(), strict=True):
        if bell:
            start, end = window
            found = smoothed(turns, labels=list(colours), start=start, end=end, seconds=bell)
            for colour, line in zip(colours.values(), found.probabilities.T, strict=True):
                axes.plot(found.times, line, color=colour, linewidth=1.6)
        else:
            _draw_steps(axes, turns, colours)
        axes.set_title(text_of(speaker), loc="left", fontsize=8)
        axes.set_title(counted(len(turns), "turn"), loc="right", fontsize=8)
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e3e3e3", linewidth=0.6)
    time_axis(panels[-1], *window)
    figure.supylabel("probability", fontsize=8)
    key(figure, colours)
    return figure


def _title(dialogue: Dialogue, drawn: int, bell: float) -> str:
    silent = len(dialogue.turns) - drawn
    parts = [counted(drawn, "turn")]
    parts += [f"{silent} more without probabilities"] * (silent > 0)
    parts += [f"smoothed over {bell:.3g} s"] * (bell > 0)
    return f"{', '.join(parts)}: {text_of(dialogue.recording)}"


def _draw_steps(axes: Axes, turns: Sequence[ScoredTurn], colours: Mapping[str, str]) -> None:
    levels = probabilities(turns, labels=list(colours))
    edges = np.array(list(map(SPAN, turns)))
    for column, colour in enumerate(colours.values()):
        heights = np.repeat(levels[:, column], 2)
        axes.plot(edges.ravel(), heights, color=colour, linewidth=0.6, alpha=0.45)
        axes.hlines(levels[:, column], edges[:, 0], edges[:, 1], colors=colour, linewidth=2.4)
