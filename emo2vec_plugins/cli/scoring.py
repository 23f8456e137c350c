"""The options of commands with a model: which one, how it runs, and how turns are scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import (
    POSITIVE,
    Decorator,
    choice_option,
    gathered,
    label_names,
    quiet_option,
)
from emo2vec_plugins.core import DEFAULT_MODEL, Backend, Plugins, load_model
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.integrations import model_label


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """What the options of every command with a model say; a command asks it for the back end.

    Attributes:
        plugins: Of this run.
        model: A name, folder or hub's identifier for `load_model`.
        device: None for the best there is.
        dtype: Of the network's arithmetic.
    """

    plugins: Plugins
    model: str
    device: str | None
    dtype: str

    def backend(self) -> Backend:
        """Load the model, never another one in its place."""
        return load_model(self.model, device=self.device, dtype=self.dtype, plugins=self.plugins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring(Loading):
    """What the options of every command that scores say; a command asks it for the engine.

    Attributes:
        labels: None for all classes.
        batch_seconds: None for the model's own preference.
        max_window: Seconds; longer turns are windowed.
        workers: Threads that read ahead; None for what the machine has cores for.
        quiet: No progress and no summary.
    """

    labels: tuple[str, ...] | None
    batch_seconds: float | None
    max_window: float
    workers: int | None
    quiet: bool

    def engine(self, *, frames: bool = False) -> Engine:
        """Load the model and make the engine that the options describe; *frames* keeps those."""
        return Engine(
            self.backend(),
            labels=self.labels,
            granularity="frame" if frames else "utterance",
            max_window=self.max_window,
            batch_seconds=self.batch_seconds,
            workers=self.workers,
        )


def describe_model(backend: Backend) -> str:
    """Return which model it is and how it computes: ``NAME@VERSION (float32)``."""
    return f"{model_label(backend.provenance)} ({backend.provenance.dtype})"


def model_option(default: str | None, *, otherwise: str = "") -> Decorator:
    """Return what gives a command ``--model``; without a default, help says what is *otherwise*."""
    shown = f"  [default: {otherwise}]" if otherwise else ""
    return click.option(
        *("-m", "--model"),
        metavar="NAME",
        default=default,
        show_default=default is not None,
        help=f"A name ('emo2vec models' lists them), a folder, or a hub's identifier.{shown}",
    )


def dtype_option(*dtypes: str) -> Decorator:
    """Return what gives a command ``--dtype``; the first is the default."""
    what = "Of the network's arithmetic; int8 is for ONNX and OpenVINO."
    return choice_option("--dtype", *dtypes, help=what)


device_option = click.option(
    "--device", metavar="NAME", help="cpu, cuda, cuda:1, ...  [default: the best there is]"
)

_LOADING: dict[str, Decorator] = {
    "device": device_option,
    "dtype": dtype_option("float32", "bfloat16", "float16", "int8"),
}

_SCORING: dict[str, Decorator] = {
    "labels": click.option(
        "--labels",
        metavar="A,B,...",
        callback=label_names,
        help="Keep only these classes; the others are masked before the softmax.",
    ),
    "batch_seconds": click.option(
        "--batch-seconds",
        type=POSITIVE,
        metavar="SECONDS",
        help="Audio per batch; less needs less memory.  [default: the model's own]",
    ),
    "max_window": click.option(
        "--max-window",
        type=POSITIVE,
        metavar="SECONDS",
        default=30.0,
        help="Longer turns are scored in overlapping windows.",
    ),
    "workers": click.option(
        "--workers",
        type=click.IntRange(min=0),
        metavar="N",
        help="Threads that read and resample ahead of the model; 0 for none.  [default: by cores]",
    ),
    "quiet": quiet_option,
}


# Built when the command runs: finding installed plugins takes time that --help must not cost.
def _with_plugins(make: Callable[..., Any], **own: Any) -> Any:
    return make(plugins=plugins_of(click.get_current_context()), **own)


def loading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a model; it is called with ``loading=Loading(...)`` for them."""
    options = {"model": model_option(DEFAULT_MODEL), **_LOADING}
    return gathered("loading", partial(_with_plugins, Loading), options)(command)


def scoring_options(*, model: str | None = DEFAULT_MODEL) -> Decorator:
    """Give a command the options of scoring; it is called with ``scoring=Scoring(...)`` for them.

    Args:
        model: The default of ``--model``.
    """
    options = {"model": model_option(model), **_LOADING, **_SCORING}
    return gathered("scoring", partial(_with_plugins, Scoring), options)
