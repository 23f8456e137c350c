"""``emo2vec picture``: a recording's emotions as a file to print or to put into a paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from emo2vec_plugins.cli.annotations import read_one
from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import (
    PICTURE_SUFFIXES,
    input_format_option,
    output_file,
    quiet_option,
    recording_option,
)
from emo2vec_plugins.cli.output import note
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.report import spoken_by


def seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a time that is given as seconds, ``m:ss`` or ``h:mm:ss``, with a fraction or without.

    Raises:
        click.BadParameter: If it is none of these.
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


@click.command("picture")
@click.argument("emotions", metavar="EMOTIONS")
@click.option(
    *("-o", "--output"),
    metavar="FILE",
    callback=output_file(*PICTURE_SUFFIXES),
    required=True,
    help=f"What to write: {', '.join(PICTURE_SUFFIXES)}.",
)
@click.option(
    "--kind",
    type=click.Choice(["timeline", "trajectories"]),
    default="timeline",
    show_default=True,
    help="A lane for each speaker, or the probability of each emotion over time.",
)
@recording_option
@click.option(
    "--speaker", "speakers", metavar="NAME", multiple=True, help="Draw only this one. Repeatable."
)
@click.option(
    "--start", callback=seconds, metavar="TIME", help="From when: seconds, m:ss or h:mm:ss."
)
@click.option("--end", callback=seconds, metavar="TIME", help="Until when.")
@input_format_option
@quiet_option
@click.pass_context
def picture_command(
    ctx: click.Context,
    *,
    emotions: str,
    output: str,
    kind: Literal["timeline", "trajectories"],
    recording: str | None,
    speakers: Sequence[str],
    start: float | None,
    end: float | None,
    input_format: str | None,
    quiet: bool,
) -> None:
    """Draw who speaks when, and in which emotion.

    EMOTIONS is a folder of results, or a file that 'emo2vec convert' reads. Turns are coloured by
    emotion, paler for lower scores and hatched without one. The same turns give the same file.
    """
    plugins = plugins_of(ctx)
    found = read_one(emotions, recording, a="picture", plugins=plugins, format=input_format)
    # The axis is that of the whole recording, though some speakers begin late and end early.
    ends = [each.turn.end for each in found.turns]
    whole = replace(found, duration=max([found.duration or 0.0, *ends]))
    dialogue = spoken_by(whole, speakers) if speakers else whole
    from emo2vec_plugins.report import rendered, timeline, trajectories

    draw = timeline if kind == "timeline" else trajectories
    figure = draw(dialogue, start=start, end=end)
    write_whole(Path(output), rendered(figure, suffix=Path(output).suffix))
    note(f"{found.recording} is drawn in {output}", quiet=quiet)
