"""The options that commands share: each is described once, and means the same in every command.

Those of commands that score are in `emo2vec_plugins.cli.scoring`.
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.output import listed
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.formats import read_any

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PICTURE_SUFFIXES = (".png", ".svg", ".pdf")
"""What files of pictures end in."""

POSITIVE, COUNT = click.FloatRange(min=0, min_open=True), click.IntRange(min=1)
"""Types of options: a number above 0, and how many of something."""


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


def option(usage: str, help: str, *, name: str | None = None, **more: Any) -> Decorator:
    """Return what gives a command an option.

    Args:
        usage: As help shows it: ``-o, --output FILE``. Without a metavar and a type it is a flag.
        help: What it does.
        name: Of the argument that the command gets; by the long option if None.
        more: As ``click.option`` takes it.
    """
    *short, long = usage.split(", ")
    long, _, metavar = long.partition(" ")
    declared = [*short, long, *([name] if name else [])]
    if not metavar and "type" not in more:
        more["is_flag"] = True  # never False: click would then take "-1" for another option
    return click.option(*declared, metavar=metavar or None, help=help, **more)


def choice_option(name: str, *values: str, help: str) -> Decorator:
    """Return what gives a command an option with these values; the first is the default."""
    return option(name, help, type=click.Choice(values), default=values[0])


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

        decorated: Callable[..., Any] = gather
        # The decorator nearest to a function is applied first, and its option listed last.
        for each in reversed([*options.values()]):
            decorated = each(decorated)
        return decorated

    return decorate


def manifest_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command IN, the manifest that it reads, and ``--output`` for one like it."""
    output = option("-o, --output OUT", "What to write: the same kind as IN.", required=True)
    return click.argument("source", metavar="IN")(output(command))


threads_option = option("--threads", "Of the CPU.  [default: torch's own]", type=COUNT)
quiet_option = option("-q, --quiet", "No progress, no summary.")
folder_option = option("-o, --output DIR", "Where the results go.", required=True)
input_format_option = option(
    "--input-format NAME", "Format of what is read, whatever its name ends in."
)
_NAMED = "The audio: FILE, or NAME=FILE for one recording of several. Repeatable."
audio_option = option("--audio FILE", f"{_NAMED}  [default: as annotated]", multiple=True)
report_option = option(
    "--report FILE", "Write everything as JSON; - for stdout.", callback=output_file(stdout=True)
)
label_map_option = option(
    "--label-map FILE",
    "YAML or JSON: what other labels mean ('happiness: happy'); null drops them.",
)
_FIELD = "The field with the label, and prefix of those beside it."
field_option = option("--field NAME", _FIELD, default="emotion")
overwrite_option = option("--overwrite", "Replace what is there already.")


def picture_option(what: str) -> Decorator:
    """Return what gives a command ``--picture``, a file in which *what* is drawn."""
    shown = f"Draw {what}: {', '.join(PICTURE_SUFFIXES)}."
    return option("--picture FILE", shown, callback=output_file(*PICTURE_SUFFIXES))


def recording_options(a: str) -> Decorator:
    """Give a command EMOTIONS, ``--recording`` and ``--input-format``.

    It is called with ``dialogue=``, the only recording in EMOTIONS or the one that is named.

    Args:
        a: What is made of it, for the message if several are found and none is named.
    """
    which = "Which one to show, if EMOTIONS contains several."
    options: dict[str, Decorator] = {
        "emotions": click.argument("emotions", metavar="EMOTIONS"),
        "recording": option("--recording NAME", which),
        "input_format": input_format_option,
    }
    return gathered("dialogue", functools.partial(_read_one, a), options)


def annotation_options(argument: str, *, input_format: bool = False) -> Decorator:
    """Give a command *argument*, what it reads, and ``--audio``, perhaps ``--input-format``.

    It is called with ``dialogues=``, all that were read.
    """
    options: dict[str, Decorator] = {"source": click.argument("source", metavar=argument)}
    options |= {"input_format": input_format_option} if input_format else {}
    return gathered("dialogues", _read_all, {**options, "audio": audio_option})


def _read_all(
    *, source: str, audio: Sequence[str], input_format: str | None = None
) -> list[Dialogue]:
    plugins = plugins_of(click.get_current_context())
    return _with_audio(read_any(source, plugins=plugins, format=input_format), audio)


def _read_one(
    a: str, *, emotions: str, recording: str | None, input_format: str | None
) -> Dialogue:
    dialogues = _read_all(source=emotions, audio=(), input_format=input_format)
    names = [each.recording for each in dialogues]
    there = listed(names) or "none"
    if recording is None and len(names) != 1:
        raise OptionsError(f"a {a} is of one recording; --recording says which: {there}")
    name = names[0] if recording is None else recording
    if names.count(name) != 1:
        several = f"{names.count(name)} recordings are called"
        found = several if name in names else "there is no recording"
        raise OptionsError(f"{found} {name!r}, there are {there}")
    return dialogues[names.index(name)]


def _with_audio(dialogues: Sequence[Dialogue], audio: Sequence[str]) -> list[Dialogue]:
    """Return dialogues with the audio files that were named for them, and how long these are.

    Raises:
        OptionsError: If a file is for no recording, or for several.
        AudioError: If a file cannot be read.
    """
    if not audio:
        return list(dialogues)
    from emo2vec_plugins.audio import open_audio  # only here: most formats link to no audio

    files = dict(_named(each, dialogues) for each in audio)
    found = []
    for dialogue in dialogues:
        if path := files.get(dialogue.recording):
            sound = open_audio(path)
            dialogue = replace(dialogue, audio=path, duration=sound.length / sound.rate)  # noqa: PLW2901
        found.append(dialogue)
    return found


def _named(given: str, dialogues: Sequence[Dialogue]) -> tuple[str, str]:
    names = [dialogue.recording for dialogue in dialogues]
    name, equals, path = given.partition("=")
    # A file may have "=" in its name: NAME=FILE is only what is not there as a file.
    if not equals or Path(given).exists():
        path = given
        name = names[0] if len(names) == 1 else Path(given).stem
    if name not in names:
        where = f"there is no recording {name!r}, there are {listed(names)}"
        raise OptionsError(f"--audio {given}: {where}; NAME=FILE says which one it is of")
    return name, path
