"""The options that say when a model's label can be trusted."""

from __future__ import annotations

from typing import Any

import click

from emo2vec_plugins.cli import COUNT, POSITIVE, gathered, label_names, option

_SHARE = click.FloatRange(0, 1)
_SECONDS = click.FloatRange(min=0)

_CRITERIA = {
    "min_confidence": option(
        "--min-confidence", "Least probability of the label.", type=_SHARE, default=0.7
    ),
    "min_margin": option(
        "--min-margin", "Least distance to the runner-up's probability.", type=_SHARE, default=0.0
    ),
    "temperature": option(
        "--temperature",
        "What logits are divided by first; leave it for a model that 'calibrate' saved.",
        type=POSITIVE,
        default=1.0,
    ),
    "window": option(
        "--windows SECONDS",
        "Score turns again in windows of this length, which must agree.",
        name="window",
        type=click.FloatRange(min=0.02),
    ),
    "min_agreement": option(
        "--min-agreement SHARE",
        "Least share of windows predicted as the turn is.  [default: 0.75]",
        type=_SHARE,
    ),
    "min_duration": option(
        "--min-duration SECONDS", "Shorter turns get no label.", type=_SECONDS, default=1.0
    ),
    "max_duration": option("--max-duration SECONDS", "Longer turns get no label.", type=_SECONDS),
    "refused_flags": option(
        "--refuse-flags A,B,...",
        "Turns flagged so get no label; '' refuses none.",
        name="refused_flags",
        callback=label_names,
        default="overlapped,silent,clipped",
    ),
    "accepted_labels": option(
        "--accept-labels A,B,...",
        "Give only these labels; a turn predicted as another class gets none.",
        name="accepted_labels",
        callback=label_names,
    ),
    "max_per_class": option(
        "--max-per-class N", "Most labels of a class; the most confident are kept.", type=COUNT
    ),
    "max_ratio": option(
        "--max-ratio R",
        "The same, as a multiple of the labels that another class could have.",
        type=click.FloatRange(min=1),
    ),
    "ratio_of": option(
        "--ratio-of",
        "Which class --max-ratio counts.  [default: median]",
        type=click.Choice(["median", "smallest"]),
    ),
}
"""By the names that `Trust` has for them."""

_NEEDS = {"min_agreement": "window", "ratio_of": "max_ratio"}
"""What means nothing without another."""


def _criteria(**given: Any) -> dict[str, Any]:
    """Return what was said; `Trust` itself is imported only when the command runs."""
    said = {name: value for name, value in given.items() if value is not None}
    for name, needed in _NEEDS.items():
        if name in said and needed not in said:
            raise click.UsageError(f"{_option(name)} needs {_option(needed)}")
    return said


def _option(name: str) -> str:
    return "--windows" if name == "window" else f"--{name.replace('_', '-')}"


trust_options = gathered("criteria", _criteria, _CRITERIA)
"""Gives a command the options; it is called with ``criteria=``, arguments of `Trust`."""
