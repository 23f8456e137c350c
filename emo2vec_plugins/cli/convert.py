"""``emo2vec convert``: write annotations in another format."""

from __future__ import annotations

from collections.abc import Sequence

import click

from emo2vec_plugins.cli.files import OutputName, late_turns, warn_of_missing_audio, writes_files
from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import annotation_options, choose_format, option, quiet_option
from emo2vec_plugins.cli.output import complain, listed, note
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Dialogue, counted
from emo2vec_plugins.formats import FIELDS, Written, write_any


@command("convert")
@writes_files()
@annotation_options("IN", input_format=True)
@option("-o, --output OUT", "File or folder to write.", type=OutputName(kind="any"), required=True)
@option(
    "--format NAME",
    "Format of OUT (see 'emo2vec formats').  [default: by its suffix]",
    name="format_",
    shell_complete=choose_format,
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

    IN and OUT are files, whose suffixes give their formats, or folders. A folder IN has the results
    of another command, or files of --input-format; a folder OUT gets one file per recording, of
    --format. Fields that OUT cannot store are reported. Files are written only after a round-trip
    check.

    \b
    Examples:
      emo2vec convert results/ -o meeting.TextGrid
      emo2vec convert results/ -o subtitles/ --format webvtt
    """
    written = write_any(dialogues, output, plugins=plugins_of(ctx), format=format_)
    turns = counted(sum(len(dialogue.turns) for dialogue in dialogues), "turn")
    where = listed([str(path) for path in written.paths]) or output
    note(f"wrote {turns} of {counted(len(dialogues), 'recording')} to {where}", quiet=quiet)
    for line in _losses(written):
        note(line, quiet=quiet)
    if written.lost is not None and "audio" not in written.lost:  # it is linked
        warn_of_missing_audio(dialogues)
    for dialogue in dialogues:
        late = late_turns(dialogue)
        if late:
            complain("warning", f"{dialogue.recording}: {late}")


def _losses(written: Written) -> list[str]:
    """Return one sentence for each kind of loss."""
    if written.lost is None:
        return ["the format does not declare its losses"]
    gone = [FIELDS[name].partition(";")[0] for name in written.lost]
    said = [f"lost: {', '.join(gone)}"] if gone else []
    if written.rounded:
        said.append(f"times were rounded to 1/{written.rounded} s")
    return said
