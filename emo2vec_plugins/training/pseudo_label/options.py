"""The options that say when a model's label is to be trusted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

_SHARE = click.FloatRange(0, 1)
_POSITIVE = click.FloatRange(min=0, min_open=True)


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(n.strip() for n in value.split(",") if n.strip())


_CRITERIA = (
    click.option(
        "--min-confidence",
        type=_SHARE,
        default=0.7,
        show_default=True,
        help="Least probability of the label.",
    ),
    click.option(
        "--min-margin",
        type=_SHARE,
        default=0.0,
        show_default=True,
        help="Least distance to the runner-up's probability.",
    ),
    click.option(
        "--temperature",
        type=_POSITIVE,
        default=1.0,
        show_default=True,
        help="What logits are divided by first; leave it for a model that 'calibrate' saved.",
    ),
    click.option(
        "--windows",
        "window",
        type=click.FloatRange(min=0.02),
        metavar="SECONDS",
        help="Hear turns again in windows of this length, which are to agree.",
    ),
    click.option(
        "--min-agreement",
        type=_SHARE,
        metavar="SHARE",
        help="Least share of windows heard as the turn is.  [default: 0.75]",
    ),
    click.option(
        "--min-duration",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        default=1.0,
        show_default=True,
        help="Shorter turns get no label.",
    ),
    click.option(
        "--max-duration",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        help="Longer turns get no label.",
    ),
    click.option(
        "--refuse-flags",
        "refused_flags",
        metavar="A,B,...",
        callback=_names,
        default="overlapped,silent,clipped",
        show_default=True,
        help="Turns flagged so get no label; '' refuses none.",
    ),
    click.option(
        "--classes",
        metavar="A,B,...",
        callback=_names,
        help="Give only these labels; a turn heard as another class gets none.",
    ),
    click.option(
        "--max-per-class",
        type=click.IntRange(min=1),
        metavar="N",
        help="Most labels of a class; the most confident are kept.",
    ),
    click.option(
        "--max-ratio",
        type=click.FloatRange(min=1),
        metavar="R",
        help="The same, as a multiple of the labels that another class could have.",
    ),
    click.option(
        "--ratio-of",
        type=click.Choice(["median", "smallest"]),
        help="Which class --max-ratio counts.  [default: median]",
    ),
)


_NAMES = (
    "min_confidence",
    "min_margin",
    "temperature",
    "window",
    "min_agreement",
    "min_duration",
    "max_duration",
    "refused_flags",
    "classes",
    "max_per_class",
    "max_ratio",
    "ratio_of",
)

_NEEDS = {"min_agreement": "window", "ratio_of": "max_ratio"}
"""What means nothing without another."""


def trust_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the criteria; it is called with ``criteria=`` for them.

    They are what was said, by the names that `Trust` has for it: importing that waits until the
    command runs.
    """

    @functools.wraps(command)
    def gather(**given: Any) -> Any:
        said = {name: given.pop(name) for name in _NAMES}
        criteria = {name: value for name, value in said.items() if value is not None}
        for name, needed in _NEEDS.items():
            if name in criteria and needed not in criteria:
                raise click.UsageError(f"{_option(name)} needs {_option(needed)}")
        return command(criteria=criteria, **given)

    decorated: Callable[..., Any] = gather
    for option in reversed(_CRITERIA):
        decorated = option(decorated)
    return decorated


def _option(name: str) -> str:
    return "--windows" if name == "window" else f"--{name.replace('_', '-')}"
