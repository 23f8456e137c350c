"""``emo2vec picture``: draw the emotions of a recording as PNG, SVG or PDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from emo2vec_plugins.cli.files import OutputName, writes_files
from emo2vec_plugins.cli.options import (
    PICTURE_SUFFIXES,
    choice_option,
    option,
    quiet_option,
    recording_options,
)
from emo2vec_plugins.cli.output import note
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.report import rendered, select_speakers, timeline, trajectories


def seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Option callback: return seconds from ``S``, ``m:ss`` or ``h:mm:ss``, with or without a fraction.

    Raises:
        click.BadParameter: If the value has another form.
    """
    if value is None:
        return None
    *larger, last = value.split(":")
    try:
        units = [float(last), *(int(each) for each in reversed(larger))]
    except ValueError:
        units = []
    if not 1 <= len(units) <= 3 or (larger and min(units) < 0):
        raise click.BadParameter(f"expected seconds, m:ss or h:mm:ss, got {value!r}", ctx, param)
    return sum(unit * 60.0**power for power, unit in enumerate(units))


@command("picture")
@writes_files()
@recording_options("picture")
@option(
    "-o, --output FILE",
    f"File to write: {', '.join(PICTURE_SUFFIXES)}.",
    type=OutputName(*PICTURE_SUFFIXES),
    required=True,
)
@choice_option(
    *("--kind", "timeline", "trajectories"),
    help="One lane per speaker, or the probability of each emotion over time.",
)
@option("--speaker NAME", "Draw only this speaker. Repeatable.", name="speakers", multiple=True)
@option("--start TIME", "Start: seconds, m:ss or h:mm:ss.", callback=seconds)
@option("--end TIME", "End, in the same form.", callback=seconds)
@quiet_option
def picture_command(
    *,
    dialogue: Dialogue,
    output: str,
    kind: Literal["timeline", "trajectories"],
    speakers: Sequence[str],
    start: float | None,
    end: float | None,
    quiet: bool,
) -> None:
    """Draw who speaks when, and in which emotion.

    EMOTIONS is a folder of results, or a file that 'emo2vec convert' reads. Turns are coloured by
    emotion: paler with a lower score, hatched without a label. The same turns give the same file.

    \b
    Examples:
      emo2vec picture results/ -o meeting.png
      emo2vec picture results/ --recording meeting -o meeting.pdf --kind trajectories --end 5:00
    """
    # The axis spans the whole recording, even if only some speakers are drawn.
    ends = [each.turn.end for each in dialogue.turns]
    whole = replace(dialogue, duration=max([dialogue.duration or 0.0, *ends]))
    shown = select_speakers(whole, speakers) if speakers else whole
    draw = timeline if kind == "timeline" else trajectories
    figure = draw(shown, start=start, end=end)
    write_whole(Path(output), rendered(figure, suffix=Path(output).suffix))
    note(f"wrote a picture of {dialogue.recording} to {output}", quiet=quiet)
