"""Command-line options for the criteria of `Trust`."""

from __future__ import annotations

from typing import Any

import click

from emo2vec_plugins.cli import COUNT, POSITIVE, Number, gathered, label_names, option

_SHARE = Number(0, 1)
_SECONDS = Number(min=0)

_CRITERIA = {
    "min_confidence": option(
        "--min-confidence", "Lowest probability of the label.", type=_SHARE, default=0.7
    ),
    "min_margin": option(
        "--min-margin",
        "Smallest difference between the label's probability and the next highest.",
        type=_SHARE,
        default=0.0,
    ),
    "temperature": option(
        "--temperature",
        "Divide the logits by this number first. Not for models saved by 'calibrate'.",
        type=POSITIVE,
        default=1.0,
    ),
    "window": option(
        "--windows SECONDS",
        "Also predict windows of this length within each turn; they must agree.",
        name="window",
        type=Number(min=0.02),
    ),
    "min_agreement": option(
        "--min-agreement SHARE",
        "Lowest share of windows with the label of the turn.  [default: 0.75]",
        type=_SHARE,
    ),
    "min_duration": option(
        "--min-duration SECONDS", "Shorter turns get no label.", type=_SECONDS, default=1.0
    ),
    "max_duration": option("--max-duration SECONDS", "Longer turns get no label.", type=_SECONDS),
    "refused_flags": option(
        "--refuse-flags A,B,...",
        "Turns with any of these flags get no label; '' allows all flags.",
        name="refused_flags",
        callback=label_names,
        default="overlapped,silent,clipped",
    ),
    "accepted_labels": option(
        "--accept-labels A,B,...",
        "Accept only these labels; turns of other classes get no label.",
        name="accepted_labels",
        callback=label_names,
    ),
    "max_per_class": option(
        "--max-per-class N",
        "Largest number of labels per class; the most confident are kept.",
        type=COUNT,
    ),
    "max_ratio": option(
        "--max-ratio R",
        "The same limit, as a multiple of the turns in the class of --ratio-of.",
        type=Number(min=1),
    ),
    "ratio_of": option(
        "--ratio-of",
        "Reference class of --max-ratio.  [default: median]",
        type=click.Choice(["median", "smallest"]),
    ),
}
"""Options by the name of their argument of `Trust`."""

_NEEDS = {"min_agreement": "window", "ratio_of": "max_ratio"}
"""Options that have no effect without another one."""


def _criteria(**given: Any) -> dict[str, Any]:
    """Return the given arguments; `Trust` itself is imported only when the command runs."""
    criteria = {name: value for name, value in given.items() if value is not None}
    for name, needed in _NEEDS.items():
        if name in criteria and needed not in criteria:
            raise click.UsageError(f"{_option(name)} needs {_option(needed)}")
    return criteria


def _option(name: str) -> str:
    return "--windows" if name == "window" else f"--{name.replace('_', '-')}"


trust_options = gathered("criteria", _criteria, _CRITERIA)
"""Adds the options to a command, which receives ``criteria=``, the arguments of `Trust`."""
