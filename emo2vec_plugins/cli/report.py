"""``emo2vec report``: a recording as a page to look at and to listen to."""

from __future__ import annotations

from pathlib import Path

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.output import complain, note
from emo2vec_plugins.cli.recordings import one_of
from emo2vec_plugins.formats import bundle_stem, read_any
from emo2vec_plugins.report import How, write_page


@click.command()
@click.argument("emotions", metavar="EMOTIONS")
@click.option(
    "--audio", metavar="FILE", help="The sound, unless EMOTIONS say where it is. A URL to link to."
)
@click.option(
    *("-o", "--out"),
    metavar="FILE",
    help="What to write; RECORDING.html in the working directory unless told.",
)
@click.option(
    "--recording", metavar="NAME", help="Which one to show, where EMOTIONS are of several."
)
@click.option(
    "--sound",
    type=click.Choice(["embed", "link", "none"]),
    default="embed",
    show_default=True,
    help="Within the page, as a file beside it, or not at all.",
)
@click.option(
    "--from", "from_", metavar="NAME", help="Format of EMOTIONS, whatever its name ends in."
)
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
@click.pass_context
def report(
    ctx: click.Context,
    *,
    emotions: str,
    audio: str | None,
    out: str | None,
    recording: str | None,
    sound: How,
    from_: str | None,
    quiet: bool,
) -> None:
    """Show a recording on a page, with its sound.

    EMOTIONS is a folder of results, or a file that 'emo2vec convert' reads. The page
    is one file that loads nothing and needs no server; it can be sent to others as it is.
    """
    if out is not None and Path(out).is_dir():
        raise click.UsageError(f"{out} is a folder, expected a file to write")
    found = one_of(read_any(emotions, plugins=plugins_of(ctx), format=from_), recording, a="report")
    path = out or f"{bundle_stem(found.recording)}.html"
    heard = write_page(found, path, audio=audio, sound=sound)
    if sound != "none" and not heard.content and not heard.url:
        complain("warning", f"{heard.about} --audio FILE says where it is")
    note(f"{found.recording} is shown in {path}", quiet=quiet)
