"""``emo2vec report``: a recording as a page to look at and to listen to."""

from __future__ import annotations

import click

from emo2vec_plugins.cli.annotations import read_one
from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import (
    input_format_option,
    output_file,
    quiet_option,
    recording_option,
)
from emo2vec_plugins.cli.output import complain, note
from emo2vec_plugins.formats import bundle_stem
from emo2vec_plugins.report import How, write_page


@click.command("report")
@click.argument("emotions", metavar="EMOTIONS")
@click.option(
    *("-o", "--output"),
    metavar="FILE",
    callback=output_file(),
    help="What to write.  [default: RECORDING.html in the working directory]",
)
@click.option(
    "--audio", metavar="FILE", help="The audio, or a URL to link to.  [default: as annotated]"
)
@recording_option
@click.option(
    "--sound",
    type=click.Choice(["embed", "link", "none"]),
    default="embed",
    show_default=True,
    help="Within the page, as a file beside it, or not at all.",
)
@input_format_option
@quiet_option
@click.pass_context
def report_command(
    ctx: click.Context,
    *,
    emotions: str,
    output: str | None,
    audio: str | None,
    recording: str | None,
    sound: How,
    input_format: str | None,
    quiet: bool,
) -> None:
    """Show a recording on a page, with its sound.

    EMOTIONS is a folder of results, or a file that 'emo2vec convert' reads. The page
    is one file that loads nothing and needs no server; it can be sent to others as it is.
    """
    plugins = plugins_of(ctx)
    found = read_one(emotions, recording, a="report", plugins=plugins, format=input_format)
    path = output or f"{bundle_stem(found.recording)}.html"
    used = write_page(found, path, audio=audio, sound=sound)
    if sound != "none" and not used.content and not used.url:
        complain("warning", f"{used.about} --audio FILE says where it is")
    note(f"{found.recording} is shown in {path}", quiet=quiet)
