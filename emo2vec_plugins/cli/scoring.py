"""Shared parts of commands with a model: options, and the folder of results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import click

from emo2vec_plugins import models  # lazy: torch is imported when a command loads a model
from emo2vec_plugins.cli.files import OutputName
from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.numbers import POSITIVE, Integer, Threshold
from emo2vec_plugins.cli.options import (
    Decorator,
    choice_option,
    choose,
    choose_format,
    field_option,
    gathered,
    label_names,
    option,
    overwrite_option,
    quiet_option,
)
from emo2vec_plugins.cli.output import note
from emo2vec_plugins.cli.permissions import allow_option, permission_options, permissions_of
from emo2vec_plugins.core import (
    DEFAULT_MODEL,
    Backend,
    Options,
    Permissions,
    Plugins,
    load_model,
)
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.integrations import model_label


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """The options of every command with a model.

    Attributes:
        plugins: The plugins of this run.
        permissions: What the inputs and the files of the model may do.
        model: A name, folder or hub identifier for `load_model`.
        device: None for CUDA if available, else the CPU.
        dtype: Data type of the network's arithmetic.
    """

    plugins: Plugins
    permissions: Permissions
    model: str
    device: str | None
    dtype: str

    def backend(self) -> Backend:
        """Load the model; there is no fallback to another one."""
        return load_model(
            self.model,
            device=self.device,
            dtype=self.dtype,
            plugins=self.plugins,
            allow=self.permissions.allow,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring(Loading):
    """The options of every command that scores.

    Attributes:
        labels: None for all classes.
        batch_seconds: None for the model's default.
        max_window: Seconds; longer turns are scored in windows.
        workers: Threads that read ahead; None for a number that suits the machine.
        abstain: As for `Engine`.
        quiet: No progress and no summary.
    """

    labels: tuple[str, ...] | None
    batch_seconds: float | None
    max_window: float
    workers: int | None
    abstain: float | bool | None
    quiet: bool

    def engine(self, *, frames: bool = False) -> Engine:
        """Load the model and return an engine with these options; *frames* adds frame arrays."""
        return Engine(
            self.backend(),
            labels=self.labels,
            granularity="frame" if frames else "utterance",
            max_window=self.max_window,
            batch_seconds=self.batch_seconds,
            workers=self.workers,
            abstain=self.abstain,
        )


def describe_model(backend: Backend) -> str:
    """Return the model's name, version and data type: ``NAME@VERSION (float32)``."""
    return f"{model_label(backend.provenance)} ({backend.provenance.dtype})"


def note_trust(backend: Backend, *, quiet: bool) -> None:
    """Write to stderr how far a model can be trusted, unless *quiet*."""
    unknown = "its model card does not say how far it can be trusted"
    trust = models.as_trust(backend.provenance.trust) or unknown
    note(f"{backend.provenance.model}: {trust}", quiet=quiet)


def model_option(default: str | None, *, otherwise: str = "") -> Decorator:
    """Return a decorator that adds ``--model``; *otherwise* describes a default of None in help."""
    shown = f"  [default: {otherwise}]" if otherwise else ""
    what = f"A name (see 'emo2vec models'), a folder, or a hub identifier.{shown}"
    return option("-m, --model NAME", what, default=default, shell_complete=choose(Plugins.models))


def dtype_option(*dtypes: str) -> Decorator:
    """Return a decorator that adds ``--dtype``; the first value is the default."""
    what = "Data type of the network; int8 needs ONNX or OpenVINO."
    return choice_option("--dtype", *dtypes, help=what)


device_option = option(
    "--device NAME", "cpu, cuda, cuda:1, ...  [default: cuda if available, else cpu]"
)

_LOADING: dict[str, Decorator] = {
    "device": device_option,
    "dtype": dtype_option("float32", "bfloat16", "float16", "int8"),
}

_SCORING: dict[str, Decorator] = {
    "labels": option(
        "--labels A,B,...",
        "Keep only these classes; the others are masked before the softmax.",
        callback=label_names,
    ),
    "batch_seconds": option(
        "--batch-seconds SECONDS",
        "Audio per batch; less uses less memory.  [default: set by the model]",
        type=POSITIVE,
    ),
    "max_window": option(
        "--max-window SECONDS",
        "Longer turns are scored in overlapping windows.",
        type=POSITIVE,
        default=30.0,
    ),
    "workers": option(
        "--workers N",
        "Threads that read and resample audio ahead; 0 for none.  [default: by CPU cores]",
        type=Integer(min=0),
    ),
    "abstain": option(
        "--abstain [THRESHOLD]",
        "Withhold labels with more doubt, from 0 to 1.  [without a value: the model's threshold]",
        type=Threshold(),
        is_flag=False,
        flag_value=True,
    ),
    "quiet": quiet_option,
}


# When the command runs, not before: --help must not wait until plugins are loaded.
def _of_this_run(make: Callable[..., Any], **own: Any) -> Any:
    ctx = click.get_current_context()
    return make(plugins=plugins_of(ctx), permissions=permissions_of(ctx), **own)


def loading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a model to a command, which gets them as ``loading=Loading(...)``."""
    options = {"model": model_option(DEFAULT_MODEL), **_LOADING}
    gather = gathered("loading", partial(_of_this_run, Loading), options)
    return gather(allow_option(command))


def scoring_options(*, model: str | None = DEFAULT_MODEL) -> Decorator:
    """Return a decorator that adds the options of scoring, as ``scoring=Scoring(...)``.

    Args:
        model: The default of ``--model``.
    """
    options = {"model": model_option(model), **_LOADING, **_SCORING}
    gather = gathered("scoring", partial(_of_this_run, Scoring), options)
    return lambda command: gather(permission_options(command))


formats_option = option(
    "--format NAME",
    "Also write each recording in this format (see 'emo2vec formats'). Repeatable.",
    name="formats",
    multiple=True,
    shell_complete=choose_format,
)


def store_option(kind: Literal["folder", "store"]) -> Decorator:
    """Return a decorator that adds ``--store``, of this kind of `OutputName`."""
    what = "Where to write --embeddings and --frames."
    return option("--store PATH", what, type=OutputName(kind=kind))


_EXCLUDE = "exclude: ignore audio in which another speaker talks."
_ANNOTATING: dict[str, Decorator] = {
    "overlap": choice_option("--overlap", "keep", "exclude", help=_EXCLUDE),
    "embeddings": option("--embeddings", "Write each turn's embedding."),
    "frames": option("--frames", "Write embeddings and logits 50 times a second."),
    "array_dtype": choice_option(
        "--array-dtype", "float32", "float16", help="Data type of arrays on disk."
    ),
    "field": field_option,
    "overwrite": overwrite_option,
}


def annotating_options(*fields: str) -> Decorator:
    """Return a decorator that adds options for these fields of `Options`, as ``options=``.

    The command also needs `scoring_options`, for what inputs may do.
    """
    return gathered("options", _options, {name: _ANNOTATING[name] for name in fields})


def _options(**given: Any) -> Options:
    permissions = permissions_of()
    return Options(**given, allow=permissions.allow, root=permissions.root)


def check_store(options: Options, store: str | None) -> None:
    """Check that ``--store`` is given if arrays are requested, and only then.

    Raises:
        click.UsageError: If one is given without the other.
    """
    wanted = options.embeddings or options.frames
    if wanted and store is None:
        raise click.UsageError("--embeddings and --frames need --store PATH")
    if store is not None and not wanted:
        raise click.UsageError("--store needs --embeddings or --frames")
