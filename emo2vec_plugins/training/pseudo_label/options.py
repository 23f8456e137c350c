"""The options that say when a model's label can be trusted."""

from __future__ import annotations

from typing import Any

import click

from emo2vec_plugins.cli import POSITIVE, gathered, label_names

_SHARE = click.FloatRange(0, 1)

_CRITERIA = {
    "min_confidence": click.option(
        "--min-confidence", type=_SHARE, default=0.7, help="Least probability of the label."
    ),
    "min_margin": click.option(
        "--min-margin",
        type=_SHARE,
        default=0.0,
        help="Least distance to the runner-up's probability.",
    ),
    "temperature": click.option(
        "--temperature",
        type=POSITIVE,
        default=1.0,
        help="What logits are divided by first; leave it for a model that 'calibrate' saved.",
    ),
    "window": click.option(
        *("--windows", "window"),
        type=click.FloatRange(min=0.02),
        metavar="SECONDS",
        help="Score turns again in windows of this length, which must agree.",
    ),
    "min_agreement": click.option(
        "--min-agreement",
        type=_SHARE,
        metavar="SHARE",
        help="Least share of windows predicted as the turn is.  [default: 0.75]",
    ),
    "min_duration": click.option(
        "--min-duration",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        default=1.0,
        help="Shorter turns get no label.",
    ),
    "max_duration": click.option(
        "--max-duration",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="Longer turns get no label.",
    ),
    "refused_flags": click.option(
        *("--refuse-flags", "refused_flags"),
        metavar="A,B,...",
        callback=label_names,
        default="overlapped,silent,clipped",
        help="Turns flagged so get no label; '' refuses none.",
    ),
    "accepted_labels": click.option(
        *("--accept-labels", "accepted_labels"),
        metavar="A,B,...",
        callback=label_names,
        help="Give only these labels; a turn predicted as another class gets none.",
    ),
    "max_per_class": click.option(
        "--max-per-class",
        type=click.IntRange(min=1),
        metavar="N",
        help="Most labels of a class; the most confident are kept.",
    ),
    "max_ratio": click.option(
        "--max-ratio",
        type=click.FloatRange(min=1),
        metavar="R",
        help="The same, as a multiple of the labels that another class could have.",
    ),
    "ratio_of": click.option(
        "--ratio-of",
        type=click.Choice(["median", "smallest"]),
        help="Which class --max-ratio counts.  [default: median]",
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
