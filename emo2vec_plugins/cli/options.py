"""The options that every command which scores has in common."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.core import DEFAULT_MODEL, Backend, Plugins, load_model
from emo2vec_plugins.engine import Engine, Granularity

Command = Callable[..., Any]


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

    def engine(self, *, granularity: Granularity = "utterance") -> Engine:
        """Load the model and make the engine that the options describe."""
        return Engine(
            self.backend(),
            labels=self.labels,
            granularity=granularity,
            max_window=self.max_window,
            batch_seconds=self.batch_seconds,
            workers=self.workers,
        )


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if any(len(name.split()) > 1 for name in names):
        raise click.BadParameter(f"separate names with commas: {','.join(' '.join(names).split())}")
    return names


_POSITIVE = click.FloatRange(min=0, min_open=True)

_LOADING = (
    click.option(
        "--device", metavar="NAME", help="cpu, cuda, cuda:1, ...  [default: the best there is]"
    ),
    click.option(
        "--dtype",
        type=click.Choice(["float32", "bfloat16", "float16", "int8"]),
        default="float32",
        show_default=True,
        help="Of the network's arithmetic; int8 is for onnx:MODEL and openvino:MODEL.",
    ),
)

_SCORING = (
    click.option(
        "--labels",
        metavar="A,B,...",
        callback=_names,
        help="Keep only these classes; the others are masked before the softmax.",
    ),
    click.option(
        "--batch-seconds",
        type=_POSITIVE,
        metavar="SECONDS",
        help="Audio per batch; less needs less memory.  [default: the model's own]",
    ),
    click.option(
        "--max-window",
        type=_POSITIVE,
        metavar="SECONDS",
        default=30.0,
        show_default=True,
        help="Longer turns are scored in overlapping windows.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        metavar="N",
        help="Threads that read and resample ahead of the model; 0 for none.  [default: by cores]",
    ),
    click.option("-q", "--quiet", is_flag=True, help="No progress, no summary."),
)


def scoring_options(*, model: str = DEFAULT_MODEL) -> Callable[[Command], Command]:
    """Give a command the common options; it is called with ``scoring=Scoring(...)`` for them.

    Args:
        model: What ``--model`` is unless told.
    """
    return _gathered("scoring", Scoring, (model_option(model), *_LOADING, *_SCORING))


def loading_options(command: Command) -> Command:
    """Give a command the options of a model; it is called with ``loading=Loading(...)`` for them."""
    return _gathered("loading", Loading, (model_option(DEFAULT_MODEL), *_LOADING))(command)


def model_option(model: str) -> Callable[[Command], Command]:
    """Return what gives a command ``--model``, which is *model* unless told."""
    return click.option(
        "-m",
        "--model",
        metavar="NAME",
        default=model,
        show_default=True,
        help="A name ('emo2vec models' lists them), a folder, or a hub's identifier.",
    )


def _gathered(
    argument: str, kind: type[Loading], options: Sequence[Callable[[Command], Command]]
) -> Callable[[Command], Command]:
    """Return what gives a command *options*, their values gathered into one *argument*."""
    names = [each.name for each in fields(kind) if each.name != "plugins"]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gather(**given: Any) -> Any:
            own = {name: given.pop(name) for name in names}
            plugins = plugins_of(click.get_current_context())
            return command(**{argument: kind(plugins=plugins, **own)}, **given)

        decorated: Command = gather
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def bundle_options(command: Command) -> Command:
    """Give a command that writes bundles the options that say what goes into them."""
    for option in reversed(_BUNDLE_OPTIONS):
        command = option(command)
    return command


def array_dtype_option(description: str) -> Callable[[Command], Command]:
    """Return what gives a command ``--array-dtype``, described so."""
    return click.option(
        "--array-dtype",
        type=click.Choice(["float32", "float16"]),
        default="float32",
        show_default=True,
        help=description,
    )


overlap_option = click.option(
    "--overlap",
    type=click.Choice(["keep", "exclude"]),
    default="keep",
    show_default=True,
    help="exclude: score only what a speaker says while nobody else speaks.",
)
"""Gives a command ``--overlap``."""

_BUNDLE_OPTIONS = (
    overlap_option,
    click.option("--embeddings", is_flag=True, help="Write each turn's embedding."),
    click.option("--frames", is_flag=True, help="Write embeddings and logits 50 times a second."),
    array_dtype_option("Of the arrays that are written."),
)
