"""The options that commands share: each is described once, and means the same in every command."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins.core import Options

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PICTURE_SUFFIXES = (".png", ".svg", ".pdf")
"""What files of pictures end in."""

POSITIVE = click.FloatRange(min=0, min_open=True)


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
        is_device = path.exists() and not path.is_file()
        if not is_device and not os.access(folder, os.W_OK):
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
