"""The annotations that commands read: all, or the recording that is asked for, and their audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import Decorator, audio_option, gathered, input_format_option
from emo2vec_plugins.cli.output import listed
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.formats import read_any


def recording_options(a: str) -> Decorator:
    """Give a command EMOTIONS, ``--recording`` and ``--input-format``.

    It is called with ``dialogue=``, the only recording in EMOTIONS or the one that is named.

    Args:
        a: What is made of it, for the message if several are found and none is named.
    """
    options = {
        "emotions": click.argument("emotions", metavar="EMOTIONS"),
        "recording": click.option(
            "--recording", metavar="NAME", help="Which one to show, if EMOTIONS contains several."
        ),
        "input_format": input_format_option,
    }
    return gathered("dialogue", partial(_read_one, a), options)


def annotation_options(argument: str, *, input_format: bool = False) -> Decorator:
    """Give a command *argument*, what it reads, and ``--audio``, perhaps ``--input-format``.

    It is called with ``dialogues=``, all that were read.
    """
    options = {"source": click.argument("source", metavar=argument)}
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
    if recording is None and len(names) == 1:
        return dialogues[0]
    if recording is None:
        raise OptionsError(
            f"a {a} is of one recording; --recording says which: {listed(names) or 'none here'}"
        )
    if recording not in names:
        raise OptionsError(
            f"there is no recording {recording!r}, there are {listed(names) or 'none'}"
        )
    if names.count(recording) > 1:
        raise OptionsError(
            f"{names.count(recording)} recordings are called {recording!r}, expected one"
        )
    return dialogues[names.index(recording)]


def _with_audio(dialogues: Sequence[Dialogue], audio: Sequence[str]) -> list[Dialogue]:
    """Return dialogues with the audio files that were named for them, and how long these are.

    Raises:
        OptionsError: If a file is for no recording, or for several.
        AudioError: If a file cannot be read.
    """
    files = dict(_named(each, dialogues) for each in audio)
    return [
        _linked(dialogue, files[dialogue.recording]) if dialogue.recording in files else dialogue
        for dialogue in dialogues
    ]


def _named(given: str, dialogues: Sequence[Dialogue]) -> tuple[str, str]:
    names = [dialogue.recording for dialogue in dialogues]
    name, equals, path = given.partition("=")
    # A file may have "=" in its name: NAME=FILE is only what is not there as a file.
    if not equals or Path(given).exists():
        path = given
        name = names[0] if len(names) == 1 else Path(given).stem
    if name not in names:
        raise OptionsError(
            f"--audio {given}: there is no recording {name!r}, there are {listed(names)}; "
            "NAME=FILE says which one it is of"
        )
    return name, path


def _linked(dialogue: Dialogue, path: str) -> Dialogue:
    from emo2vec_plugins.audio import open_audio  # only here: most formats link to no audio

    sound = open_audio(path)
    return replace(dialogue, audio=path, duration=sound.length / sound.rate)
