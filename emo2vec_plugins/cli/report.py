"""``emo2vec report``: a recording as a page to look at and to listen to."""

from __future__ import annotations

import click

from emo2vec_plugins.cli.options import (
    choice_option,
    option,
    output_file,
    quiet_option,
    recording_options,
)
from emo2vec_plugins.cli.output import complain, note
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.formats import bundle_stem
from emo2vec_plugins.report import How, write_page


@click.command("report")
@recording_options("report")
@option(
    "-o, --output FILE",
    "What to write.  [default: RECORDING.html in the working directory]",
    callback=output_file(),
)
@option("--audio FILE", "The audio, or a URL to link to.  [default: as annotated]")
@choice_option(
    "--sound", "embed", "link", "none", help="Within the page, as a file beside it, or not at all."
)
@quiet_option
def report_command(
    *, dialogue: Dialogue, output: str | None, audio: str | None, sound: How, quiet: bool
) -> None:
    """Show a recording on a page, with its sound.

    EMOTIONS is a folder of results, or a file that 'emo2vec convert' reads. The page
    is one file that loads nothing and needs no server; it can be sent to others as it is.
    """
    path = output or f"{bundle_stem(dialogue.recording)}.html"
    used = write_page(dialogue, path, audio=audio, sound=sound)
    if sound != "none" and not used.content and not used.url:
        complain("warning", f"{used.about} --audio FILE says where it is")
    note(f"{dialogue.recording} is shown in {path}", quiet=quiet)
