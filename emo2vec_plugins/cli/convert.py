"""``emo2vec convert``: annotations from any format that can be read to any that can be written."""

from __future__ import annotations

import math
from collections.abc import Sequence

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import annotation_options, option, quiet_option
from emo2vec_plugins.cli.output import complain, counted, listed, note
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.formats import FIELDS, Written, write_any


@click.command("convert")
@annotation_options("IN", input_format=True)
@option("-o, --output OUT", "What to write: a file, or a folder.", required=True)
@option(
    "--format NAME",
    "Format of OUT, whatever its name ends in; 'emo2vec plugins' lists them.",
    name="format_",
)
@quiet_option
@click.pass_context
def convert_command(
    ctx: click.Context,
    *,
    dialogues: Sequence[Dialogue],
    output: str,
    format_: str | None,
    quiet: bool,
) -> None:
    """Write annotations in another format.

    IN and OUT are files, whose names say their formats, or folders: of the results of other
    commands, or of files of the formats that --input-format and --format name. Fields OUT cannot
    store are reported; the file is written only after a round-trip check.
    """
    written = write_any(dialogues, output, plugins=plugins_of(ctx), format=format_)
    turns = counted(sum(len(dialogue.turns) for dialogue in dialogues), "turn")
    where = listed([str(path) for path in written.paths]) or output
    note(f"{turns} of {counted(len(dialogues), 'recording')} are in {where}", quiet=quiet)
    for line in _losses(written):
        note(line, quiet=quiet)
    for dialogue in dialogues:
        _warn_of_late_turns(dialogue)


def _losses(written: Written) -> list[str]:
    """Say in sentences what a format did not hold."""
    if written.lost is None:
        return ["the format does not say what it loses"]
    gone = [FIELDS[name].partition(";")[0] for name in written.lost]
    said = [f"lost: {', '.join(gone)}"] if gone else []
    if written.rounded:
        said.append(f"times were rounded to 1/{written.rounded} s")
    return said


def _warn_of_late_turns(dialogue: Dialogue) -> None:
    """Say which turns end after the recording does, where it is known how long that is."""
    length = math.inf if dialogue.duration is None else dialogue.duration
    late = [each.turn for each in dialogue.turns if each.turn.end > length + _SLACK]
    if late:
        first = f"the first is {late[0].start:.3f}-{late[0].end:.3f}"
        complain(
            "warning",
            f"{dialogue.recording}: {counted(len(late), 'turn')} of {len(dialogue.turns)} end after "
            f"the audio, which is {length:.3f} s long: {first}; is it that of another recording?",
        )


_SLACK = 0.02
"""Seconds; as for the flag ``clipped``."""
