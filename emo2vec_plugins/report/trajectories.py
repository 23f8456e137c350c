"""Pictures of emotion probabilities over time, by speaker."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import Dialogue, ScoredTurn, counted
from emo2vec_plugins.errors import LabelError, OptionsError
from emo2vec_plugins.report.figures import drawing, heading, key, new_figure, text_of, time_axis
from emo2vec_plugins.report.layout import between, extent, select_speakers
from emo2vec_plugins.report.style import palette
from emo2vec_plugins.report.summary import SPAN, by_speaker

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Floats = npt.NDArray[np.float64]

LEAST = 0.02
"""Share of the bell's area that speech must cover to give a probability."""

_BLOCK = 16  # moments at a time: memory grows with this times the number of turns near them
_FAR = 8  # standard deviations, beyond which the bell's area is 0 in double precision


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Smoothed:
    """Probabilities over time.

    Attributes:
        times: Shape (moments,), in seconds.
        probabilities: Shape (moments, labels); rows of NaN where there is no speech.
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
    """Return the mean probability of each label around each moment.

    Turns are weighted by the area of a bell curve over them. The curve is centred on the moment and
    has a standard deviation of *seconds*, so long turns count more than short ones, and near turns
    more than distant ones. If turns cover less than 2 % of the area, there is no probability.

    Args:
        turns: Turns of one speaker. Turns without probabilities count as silence.
        labels: Labels of the returned probabilities, in order.
        start: First moment, in seconds.
        end: Last moment.
        seconds: Standard deviation, above 0.
        moments: Number of moments, evenly spaced.
    """
    scored = with_scores(turns)
    times = np.linspace(start, end, moments)
    starts, ends = np.array(list(map(SPAN, scored)), dtype=float).reshape(-1, 2).T
    values = probabilities(scored, labels=labels)
    rows = []
    for i in range(0, moments, _BLOCK):
        block = times[i : i + _BLOCK, None]
        # Use only the turns under the bell: all turns times all moments would fill the memory.
        near = (ends >= block[0] - _FAR * seconds) & (starts <= block[-1] + _FAR * seconds)
        rows.append(_means(block, starts[near], ends[near], values[near], seconds))
    return Smoothed(times=times, probabilities=np.concatenate(rows))


def with_scores(turns: Iterable[ScoredTurn]) -> list[ScoredTurn]:
    """Return the turns that have probabilities of classes."""
    return [each for each in turns if each.emotion.scores]


def probabilities(turns: Sequence[ScoredTurn], *, labels: Sequence[str]) -> Floats:
    """Return the turns' probabilities, shape (turns, labels); 0 for missing classes."""
    rows = [[each.emotion.scores.get(label, 0.0) for label in labels] for each in turns]
    return np.array(rows, dtype=float).reshape(len(turns), len(labels))


# numpy has no error function, and SciPy belongs to another extra.
_error_function = np.vectorize(math.erf, otypes=[float])


def _means(times: Floats, starts: Floats, ends: Floats, values: Floats, seconds: float) -> Floats:
    weights = _area((ends - times) / seconds) - _area((starts - times) / seconds)
    sums = weights.sum(axis=1, keepdims=True)
    known = sums >= LEAST
    return np.where(known, weights @ values / np.where(known, sums, 1.0), np.nan)


def _area(deviations: Floats) -> Floats:
    """Return the area of the normal distribution up to a number of standard deviations."""
    area: Floats = 0.5 * (1 + _error_function(deviations / math.sqrt(2)))
    return area


MOST_STEPS = 40
"""Maximum turns of a speaker that are drawn one by one; more are smoothed by default."""

MOST_SPEAKERS = 60
"""Maximum number of panels in a figure."""

_WIDTH, _MARGINS, _USUAL = 11.0, 1.1, 10.0  # inches
_HIGH, _LOW = 1.9, 0.9  # limits of a panel's height, in inches
_BELLS = 80  # standard deviations in the drawn time


def trajectories(
    dialogue: Dialogue,
    *,
    labels: Sequence[str] | None = None,
    speaker: str | None = None,
    start: float | None = None,
    end: float | None = None,
    smoothing: float | None = None,
) -> Figure:
    """Return a figure with a panel for each speaker and a line for each emotion's probability.

    Without smoothing, each turn is a horizontal line, and thin lines connect the turns. With
    smoothing, lines are weighted means under a bell curve, as `emo2vec_plugins.report.smoothed`
    describes. Turns without probabilities are not drawn; the heading counts them.

    Args:
        dialogue: One recording, read from a format that stores the probability of every class.
        labels: The emotions to draw; all if None.
        speaker: The speaker to draw; all if None.
        start: First second; if None, the start of the recording.
        end: Last second; if None, the end of the recording.
        smoothing: Standard deviation of the bell curve in seconds; 0 disables smoothing. If None,
            0 if no speaker has more than 40 turns, otherwise an eightieth of the drawn time.

    Raises:
        LabelError: If no turn has a probability for one of *labels*.
        OptionsError: If *speaker* has no turn, no turn has probabilities, there are more than 60
            speakers, *smoothing* is negative, or *start* is not before *end*.
        MissingExtraError: If matplotlib is not installed.
    """
    spoken = dialogue if speaker is None else select_speakers(dialogue, [speaker])
    first, last = extent(dialogue, start=start, end=end)
    shown = between(spoken, first, last)
    panels = by_speaker(with_scores(shown.turns))
    names = _labels(shown, labels)
    if len(panels) > MOST_SPEAKERS:
        found = f"expected at most {MOST_SPEAKERS} speakers, found {len(panels)}"
        raise OptionsError(f"{dialogue.recording}: {found}; choose a speaker")
    usual = (last - first) / _BELLS if max(map(len, panels.values())) > MOST_STEPS else 0.0
    bell = usual if smoothing is None else smoothing
    if not 0 <= bell < float("inf"):
        raise OptionsError(f"expected smoothing of 0 or more seconds, got {bell}")
    with drawing():
        return _figure(shown, panels, palette(names), (first, last), bell)


def _labels(dialogue: Dialogue, wanted: Sequence[str] | None) -> list[str]:
    found = {label for each in dialogue.turns for label in each.emotion.scores}
    if not found:
        lack = "expected turns with probabilities, as in emotions.jsonl files, found none"
        raise OptionsError(f"{dialogue.recording}: {lack}")
    # A string is also a sequence, of its characters.
    if isinstance(wanted, str):
        raise LabelError(f"expected a list of labels, got the string {wanted!r}")
    missing = [label for label in wanted or () if label not in found]
    if missing:
        known = ", ".join(sorted(found))
        raise LabelError(f"no turn has a probability for {missing[0]!r}, found {known}")
    return list(palette(wanted or found))


def _figure(
    dialogue: Dialogue,
    speakers: Mapping[str | None, Sequence[ScoredTurn]],
    colours: Mapping[str, str],
    window: tuple[float, float],
    bell: float,
) -> Figure:
    height = min(max(_USUAL / len(speakers), _LOW), _HIGH)
    figure = new_figure(_WIDTH, len(speakers) * height + _MARGINS)
    heading(figure, _title(dialogue, sum(map(len, speakers.values())), bell))
    panels = figure.subplots(len(speakers), squeeze=False, sharex=True)[:, 0]
    for axes, (speaker, turns) in zip(panels, speakers.items(), strict=True):
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
    others = len(dialogue.turns) - drawn
    parts = [counted(drawn, "turn")]
    parts += [f"{others} more without probabilities"] * (others > 0)
    parts += [f"smoothed over {bell:.3g} s"] * (bell > 0)
    return f"{', '.join(parts)}: {text_of(dialogue.recording)}"


def _draw_steps(axes: Axes, turns: Sequence[ScoredTurn], colours: Mapping[str, str]) -> None:
    levels = probabilities(turns, labels=list(colours))
    edges = np.array(list(map(SPAN, turns)))
    for column, colour in enumerate(colours.values()):
        heights = np.repeat(levels[:, column], 2)
        axes.plot(edges.ravel(), heights, color=colour, linewidth=0.6, alpha=0.45)
        axes.hlines(levels[:, column], edges[:, 0], edges[:, 1], colors=colour, linewidth=2.4)
