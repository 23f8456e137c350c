"""The options that commands share: each is described once, and means the same in every command."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.core import DEFAULT_MODEL, Backend, Options, Plugins, load_model
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.integrations import model_label

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PICTURE_SUFFIXES = (".png", ".svg", ".pdf")
"""What files of pictures end in."""

POSITIVE = click.FloatRange(min=0, min_open=True)


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


def output_file(*suffixes: str, stdout: bool = False) -> Callable[..., str | None]:
    """Return a callback that finds a mistake in the name of a file before the work, not after it.

    Args:
        suffixes: What the name may end in; anything if there are none.
        stdout: Whether ``-`` stands for stdout.
    """

    def check(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
        if value is None or (stdout and value == "-"):
            return value
        path = Path(value)
        if suffixes and path.suffix.lower() not in suffixes:
            raise click.BadParameter(f"expected a name in {', '.join(suffixes)}, got {value!r}")
        if path.is_dir():
            raise click.BadParameter(f"{value} is a folder, expected a file to write")
        folder = next(each for each in path.absolute().parents if each.exists())
        # A device such as /dev/stdout is written to as it stands, whatever its folder allows.
        if not path.exists() and not os.access(folder, os.W_OK):
            raise click.BadParameter(f"{folder} is no folder that can be written to")
        return value

    return check


def existing(path: str) -> Path:
    """Return the path of what a command reads.

    Not a check of click's, which would make a missing file wrong usage.

    Raises:
        FileNotFoundError: If there is nothing.
    """
    if not Path(path).exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return Path(path)


def names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Return the names in a list with commas; a callback of options."""
    return None if value is None else tuple(n.strip() for n in value.split(",") if n.strip())


def label_names(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Return the labels in a list with commas; a callback of options."""
    found = names(ctx, param, value)
    if any(len(name.split()) > 1 for name in found or ()):
        raise click.BadParameter(
            f"separate names with commas: {','.join(' '.join(found or ()).split())}"
        )
    return found


def gathered(
    argument: str, make: Callable[..., Any], options: Mapping[str, Decorator]
) -> Decorator:
    """Return a decorator that gives a command options, and the command one argument for them.

    Args:
        argument: Name of the argument.
        make: Makes its value from those of the options.
        options: By the names that *make* has for them.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        # wraps() also hands on the list in which click collects options: those below stay.
        @functools.wraps(command)
        def gather(**given: Any) -> Any:
            own = {name: given.pop(name) for name in options}
            return command(**{argument: make(**own)}, **given)

        return _decorated(gather, options.values())

    return decorate


def _decorated(command: Callable[..., Any], decorators: Iterable[Decorator]) -> Callable[..., Any]:
    # The decorator nearest to a function is applied first, and its option listed last.
    for decorator in reversed([*decorators]):
        command = decorator(command)
    return command


# Built when the command runs: finding installed plugins takes time that --help must not cost.
def _with_plugins(make: Callable[..., Any], **own: Any) -> Any:
    return make(plugins=plugins_of(click.get_current_context()), **own)


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


def manifest_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command IN, the manifest that it reads, and ``--output`` for one like it."""
    source = click.argument("source", metavar="IN")
    output = click.option(
        "-o", "--output", metavar="OUT", required=True, help="What to write: the same kind as IN."
    )
    return source(output(command))


def choice_option(name: str, *values: str, help: str) -> Decorator:
    """Return what gives a command an option with these values; the first is the default."""
    return click.option(name, type=click.Choice(values), default=values[0], help=help)


def dtype_option(*dtypes: str) -> Decorator:
    """Return what gives a command ``--dtype``; the first is the default."""
    what = "Of the network's arithmetic; int8 is for ONNX and OpenVINO."
    return choice_option("--dtype", *dtypes, help=what)


device_option = click.option(
    "--device", metavar="NAME", help="cpu, cuda, cuda:1, ...  [default: the best there is]"
)
threads_option = click.option(
    "--threads", type=click.IntRange(min=1), help="Of the CPU.  [default: torch's own]"
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress, no summary.")
folder_option = click.option(
    "-o", "--output", metavar="DIR", required=True, help="Where the results go."
)
formats_option = click.option(
    *("--format", "formats"),
    metavar="NAME",
    multiple=True,
    help="Write each recording in this format, too; 'emo2vec plugins' lists them. Repeatable.",
)
input_format_option = click.option(
    "--input-format", metavar="NAME", help="Format of what is read, whatever its name ends in."
)
audio_option = click.option(
    "--audio",
    metavar="FILE",
    multiple=True,
    help="The audio: FILE, or NAME=FILE for one recording of several. Repeatable.  "
    "[default: as annotated]",
)
report_option = click.option(
    "--report",
    metavar="FILE",
    callback=output_file(stdout=True),
    help="Write everything as JSON; - for stdout.",
)
label_map_option = click.option(
    "--label-map",
    metavar="FILE",
    help="YAML or JSON: what other labels mean ('happiness: happy'); null drops them.",
)
field_option = click.option(
    "--field",
    metavar="NAME",
    default="emotion",
    help="The field with the label, and prefix of those beside it.",
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what is there already.")
store_option = click.option("--store", metavar="PATH", help="Where --embeddings and --frames go.")


def picture_option(what: str) -> Decorator:
    """Return what gives a command ``--picture``, a file in which *what* is drawn."""
    return click.option(
        "--picture",
        metavar="FILE",
        callback=output_file(*PICTURE_SUFFIXES),
        help=f"Draw {what}: {', '.join(PICTURE_SUFFIXES)}.",
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

_ANNOTATING: dict[str, Decorator] = {
    "overlap": choice_option(
        "--overlap",
        "keep",
        "exclude",
        help="exclude: score a speaker only while no one else speaks.",
    ),
    "embeddings": click.option("--embeddings", is_flag=True, help="Write each turn's embedding."),
    "frames": click.option(
        "--frames", is_flag=True, help="Write embeddings and logits 50 times a second."
    ),
    "array_dtype": choice_option(
        "--array-dtype", "float32", "float16", help="Of the arrays that are written."
    ),
    "field": field_option,
    "overwrite": overwrite_option,
}


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


def annotating_options(*fields: str) -> Decorator:
    """Give a command options named as fields of `Options`; it is called with ``options=``."""
    return gathered("options", Options, {name: _ANNOTATING[name] for name in fields})


def check_store(options: Options, store: str | None) -> None:
    """Refuse arrays without a place to go, and a place for none.

    Raises:
        click.UsageError: If one is given without the other.
    """
    if (options.embeddings or options.frames) and store is None:
        raise click.UsageError("--embeddings and --frames need --store PATH")
    if store is not None and not (options.embeddings or options.frames):
        raise click.UsageError("--store needs --embeddings or --frames")
