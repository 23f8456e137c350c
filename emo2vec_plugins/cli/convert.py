"""``emo2vec convert``: annotations from any format that can be read to any that can be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.output import complain, counted, listed, note
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.formats import FIELDS, Written, read_any, write_any


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--from", "from_", metavar="NAME", help="Format of IN, whatever its name ends in.")
@click.option("--to", metavar="NAME", help="Format of OUT, whatever its name ends in.")
@click.option(
    "--audio",
    metavar="FILE",
    multiple=True,
    help="The sound, which some formats link to: FILE, or NAME=FILE for one recording of several. "
    "Repeatable.",
)
@click.option("-q", "--quiet", is_flag=True, help="Do not say what is lost.")
@click.pass_context
def convert(
    ctx: click.Context,
    *,
    source: str,
    target: str,
    from_: str | None,
    to: str | None,
    audio: Sequence[str],
    quiet: bool,
) -> None:
    """Write annotations in another format.

    IN and OUT are files, whose names say their formats ('emo2vec plugins' lists them), or folders:
    of the results of other commands, or of files of the formats that --from and --to name. What
    OUT cannot hold is told; it is written only if all else is read back from it as it was.
    """
    plugins = plugins_of(ctx)
    dialogues = [*with_audio(read_any(source, plugins=plugins, format=from_), audio)]
    written = write_any(dialogues, target, plugins=plugins, format=to)
    turns = sum(len(dialogue.turns) for dialogue in dialogues)
    note(
        f"{counted(turns, 'turn')} of {counted(len(dialogues), 'recording')} are in "
        f"{listed([str(path) for path in written.paths]) or target}",
        quiet=quiet,
    )
    for line in losses(written):
        note(line, quiet=quiet)
    for dialogue in dialogues:
        for line in beyond(dialogue):
            complain("warning", line)


def losses(written: Written) -> list[str]:
    """Say in sentences what a format did not hold."""
    if written.lost is None:
        return ["the format does not say what it loses"]
    gone = [FIELDS[name].partition(";")[0] for name in written.lost]
    said = [f"lost: {', '.join(gone)}"] if gone else []
    if written.rounded:
        said.append(f"times were rounded to 1/{written.rounded} s")
    return said


def beyond(dialogue: Dialogue) -> list[str]:
    """Say which turns end after the recording does, where it is known how long that is."""
    if dialogue.duration is None:
        return []
    late = [each.turn for each in dialogue.turns if each.turn.end > dialogue.duration + _SLACK]
    if not late:
        return []
    return [
        f"{dialogue.recording}: {counted(len(late), 'turn')} of {len(dialogue.turns)} "
        f"end after the audio, which is {dialogue.duration:.3f} s long: the first is "
        f"{late[0].start:.3f}-{late[0].end:.3f}; is it the audio of another recording?"
    ]


_SLACK = 0.02
"""Seconds; as for the flag ``clipped``."""


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
    from emo2vec_plugins.audio import open_audio

    sound = open_audio(path)
    return replace(dialogue, audio=path, duration=sound.length / sound.rate)
