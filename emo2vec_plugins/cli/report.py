"""``emo2vec report``: write an HTML page that shows and plays a recording."""

from __future__ import annotations

from emo2vec_plugins.cli.files import OutputName, writes_files
from emo2vec_plugins.cli.options import (
    choice_option,
    option,
    quiet_option,
    recording_options,
)
from emo2vec_plugins.cli.output import complain, note
from emo2vec_plugins.cli.permissions import permissions_of, root_option
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.formats import bundle_stem
from emo2vec_plugins.report import SoundMode, trust_in, write_page


@command("report")
@writes_files()
@recording_options("report")
@option(
    "-o, --output FILE",
    "File to write.  [default: RECORDING.html in the working directory]",
    type=OutputName(),
)
@option(
    "--audio FILE", "Audio file or URL.  [default: as in EMOTIONS, with --root or --sound link]"
)
@choice_option(
    "--sound",
    "embed",
    "link",
    "none",
    help="Embed the audio in the page, link to the file or URL, or leave it out.",
)
@root_option
@quiet_option
def report_command(
    *, dialogue: Dialogue, output: str | None, audio: str | None, sound: SoundMode, quiet: bool
) -> None:
    """Write an HTML page that shows and plays a recording.

    EMOTIONS is a folder of results, or a file that 'emo2vec convert' reads. The page is a single
    file that works offline and needs no server. Audio that only EMOTIONS names is embedded with
    --root, from that folder: annotations of others may name any file, and pages are shared.

    \b
    Examples:
      emo2vec report results/ --audio meeting.wav -o meeting.html
      emo2vec report results/ --recording meeting --root recordings/
    """
    path = output or f"{bundle_stem(dialogue.recording)}.html"
    used = write_page(dialogue, path, audio=audio, sound=sound, permissions=permissions_of())
    if sound != "none" and not used.content and not used.url:
        complain(
            "warning",
            f"{used.about} Use --audio FILE, or --root DIR for the audio that the annotations name in a folder.",
        )
    for line in trust_in(dialogue):
        note(line, quiet=quiet)
    note(f"wrote a page of {dialogue.recording} to {path}", quiet=quiet)
