"""EMOTIONS, the results that commands read: the recording that is asked for, and its audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from emo2vec_plugins.cli.output import listed
from emo2vec_plugins.core import Dialogue, Plugins
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.formats import read_any


def read_one(
    source: str, recording: str | None, *, a: str, plugins: Plugins, format: str | None
) -> Dialogue:
    """Read results, and return the only recording in them or the one that is named.

    Args:
        source: A file, or a folder of results.
        recording: A name; None for the only one.
        a: What is made of it, for the message where several are found and none is named.
        plugins: Whose formats to choose from.
        format: Of *source*; None to go by its name.

    Raises:
        FormatError: If *source* cannot be read.
        OptionsError: If there is no such recording, there are several of that name, or none is
            named and there are several.
    """
    dialogues = read_any(source, plugins=plugins, format=format)
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


def with_audio(dialogues: Sequence[Dialogue], audio: Sequence[str]) -> list[Dialogue]:
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
