"""Options that several commands share; each has one description and one meaning.

Options of commands that score are in `emo2vec_plugins.cli.scoring`.
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from emo2vec_plugins.audio import READABLE_SUFFIXES
from emo2vec_plugins.cli.files import FILE_NAME, OutputName
from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.numbers import COUNT
from emo2vec_plugins.cli.output import listed
from emo2vec_plugins.core import Dialogue, Plugins, did_you_mean
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import protect
from emo2vec_plugins.formats import annotation_files, read_any

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PICTURE_SUFFIXES = (".png", ".svg", ".pdf")
"""Suffixes of picture files."""


_FILE_METAVARS = ("FILE", "DIR", "PATH", "OUT", "CUTS", "CONFIG", "FOLDER_OR_HUB_ID")


def existing(path: str) -> Path:
    """Return the path of a command's input.

    click's own check would report a missing file as wrong usage.

    Raises:
        FileNotFoundError: If the path does not exist.
    """
    if not Path(path).exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return Path(path)


def names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Option callback: return the names in a comma-separated list."""
    return None if value is None else tuple(n.strip() for n in value.split(",") if n.strip())


def label_names(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Option callback: return the labels in a comma-separated list."""
    found = names(ctx, param, value)
    if any(len(name.split()) > 1 for name in found or ()):
        raise click.BadParameter(
            f"separate names with commas: {','.join(' '.join(found or ()).split())}"
        )
    return found


def option(usage: str, help: str, *, name: str | None = None, **more: Any) -> Decorator:
    """Return a decorator that adds an option to a command.

    Args:
        usage: As in the help: ``-o, --output FILE``. Without metavar and type it is a flag.
        help: Its description.
        name: Name of the command's argument; derived from the long option if None.
        more: Further arguments of ``click.option``.
    """
    *short, long = usage.split(", ")
    long, _, metavar = long.partition(" ")
    declared = [*short, long, *([name] if name else [])]
    if metavar in _FILE_METAVARS:
        more.setdefault("type", FILE_NAME)
    if not metavar and "type" not in more:
        more["is_flag"] = True  # never False: click would then take "-1" for another option
    return click.option(*declared, metavar=metavar or None, help=help, **more)


def file_argument(name: str, metavar: str) -> Decorator:
    """Return a decorator that adds a file argument; one or more files if *metavar* ends in ``...``."""
    more: dict[str, Any] = {"nargs": -1, "required": True} if metavar.endswith("...") else {}
    return click.argument(name, metavar=metavar, type=FILE_NAME, **more)


def choose(names: Callable[[Plugins], Iterable[str]]) -> Callable[..., list[CompletionItem]]:
    """Return a function for ``shell_complete=`` that offers names of plugins, or else files."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        known = [name for name in sorted(names(plugins_of(ctx))) if name.startswith(incomplete)]
        return [*map(CompletionItem, known)] or [CompletionItem(incomplete, type="file")]

    return complete


choose_format = choose(Plugins.formats)


def choice_option(name: str, *values: str, help: str) -> Decorator:
    """Return a decorator that adds an option with these values; the first is the default."""
    return option(name, help, type=click.Choice(values), default=values[0])


def gathered(
    argument: str, make: Callable[..., Any], options: Mapping[str, Decorator]
) -> Decorator:
    """Return a decorator that adds options and passes them to the command as one argument.

    Args:
        argument: Name of the argument.
        make: Called with the values of the options; returns the argument.
        options: The options by the names of *make*'s parameters.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        # wraps() also copies the list in which click collects options, so earlier ones stay.
        @functools.wraps(command)
        def gather(**given: Any) -> Any:
            own = {name: given.pop(name) for name in options}
            return command(**{argument: make(**own)}, **given)

        decorated: Callable[..., Any] = gather
        # The innermost decorator is applied first, and its option listed last.
        for each in reversed([*options.values()]):
            decorated = each(decorated)
        return decorated

    return decorate


def manifest_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add IN, the manifest to read, and ``--output`` for one of the same kind."""
    output = option(
        "-o, --output OUT",
        "Manifest to write, of the same kind as IN.",
        type=OutputName(kind="manifest"),
        required=True,
    )
    return file_argument("source", "IN")(output(command))


bad_items_option = choice_option(
    "--bad-items",
    "keep",
    "drop",
    "stop",
    help="What to do with a line that cannot be used: write it unchanged, leave it out, or stop.",
)
threads_option = option("--threads", "CPU threads.  [default: set by torch]", type=COUNT)
quiet_option = option("-q, --quiet", "No progress, no summary.")
folder_option = option(
    "-o, --output DIR", "Where the results go.", type=OutputName(kind="folder"), required=True
)
input_format_option = option(
    "--input-format NAME",
    "Format of the input (see 'emo2vec formats').  [default: by its suffix]",
    shell_complete=choose_format,
)
_NAMED = "The audio: FILE, or NAME=FILE for one of several recordings. Repeatable."
audio_option = option("--audio FILE", f"{_NAMED}  [default: as in the annotations]", multiple=True)
report_option = option(
    "--report FILE", "Write all figures as JSON; - for stdout.", type=OutputName(stdout=True)
)
label_map_option = option(
    "--label-map FILE",
    "YAML or JSON that maps labels to ours ('happiness: happy'); null drops one.",
)
_FIELD = "Field of the label, and prefix of related fields."
field_option = option("--field NAME", _FIELD, default="emotion")
overwrite_option = option("--overwrite", "Replace existing labels, never files.")


def picture_option(what: str) -> Decorator:
    """Return a decorator that adds ``--picture``, a file in which to draw *what*."""
    shown = f"Draw {what}: {', '.join(PICTURE_SUFFIXES)}."
    return option("--picture FILE", shown, type=OutputName(*PICTURE_SUFFIXES))


def recording_options(output: str) -> Decorator:
    """Return a decorator that adds EMOTIONS, ``--recording`` and ``--input-format``.

    The command gets one recording of EMOTIONS as ``dialogue=``.

    Args:
        output: What the command makes, for the error if EMOTIONS has several recordings: ``"picture"``.
    """
    which = "Recording to show, if EMOTIONS contains several."
    options: dict[str, Decorator] = {
        "emotions": file_argument("emotions", "EMOTIONS"),
        "recording": option("--recording NAME", which),
        "input_format": input_format_option,
    }
    return gathered("dialogue", functools.partial(_read_one, output), options)


def annotation_options(argument: str, *, input_format: bool = False) -> Decorator:
    """Return a decorator that adds an input argument, ``--audio`` and ``--input-format``.

    The command gets every recording of the input as ``dialogues=``.
    """
    options: dict[str, Decorator] = {"source": file_argument("source", argument)}
    options |= {"input_format": input_format_option} if input_format else {}
    return gathered("dialogues", _read_all, {**options, "audio": audio_option})


def _read_all(
    *, source: str, audio: Sequence[str], input_format: str | None = None
) -> list[Dialogue]:
    if input_format is None and Path(source).suffix.lower() in READABLE_SUFFIXES:
        raise OptionsError(
            f"expected annotations, got the audio {source}; pass a folder of results"
        )
    plugins = plugins_of(click.get_current_context())
    protect(*annotation_files(source, plugins=plugins, format=input_format)[0])
    dialogues = _with_audio(read_any(source, plugins=plugins, format=input_format), audio)
    protect(*(each.audio for each in dialogues if each.audio is not None))
    return dialogues


def _read_one(
    output: str, *, emotions: str, recording: str | None, input_format: str | None
) -> Dialogue:
    dialogues = _read_all(source=emotions, audio=(), input_format=input_format)
    names = [each.recording for each in dialogues]
    found = listed(names) or "none"
    if recording is None and len(names) != 1:
        choose = "; choose one with --recording NAME" if names else ""
        raise OptionsError(
            f"a {output} shows one recording, found {len(names)} in {emotions}: {found}{choose}"
        )
    name = names[0] if recording is None else recording
    if names.count(name) != 1:
        raise OptionsError(
            f"expected one recording {name!r} in {emotions}, found {names.count(name)}"
            f"{did_you_mean(name, names)}; recordings: {found}"
        )
    return dialogues[names.index(name)]


def _with_audio(dialogues: Sequence[Dialogue], audio: Sequence[str]) -> list[Dialogue]:
    """Return the dialogues with the given audio files and their durations.

    Raises:
        OptionsError: If a file belongs to no recording.
        AudioError: If a file cannot be read.
    """
    if not audio:
        return list(dialogues)
    from emo2vec_plugins.audio import open_audio  # here, because most formats do not link audio

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
    # A file name may contain "=", so an existing file is never read as NAME=FILE.
    if not equals or Path(given).exists():
        path = given
        name = names[0] if len(names) == 1 else Path(given).stem
    if name not in names:
        raise OptionsError(
            f"--audio {given}: no recording {name!r}, found {listed(names)}; use NAME=FILE"
        )
    return name, path
