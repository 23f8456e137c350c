"""``emo2vec picture``: a recording's emotions as a file to print or to put into a paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.output import note
from emo2vec_plugins.cli.recordings import one_of
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.files import replacing
from emo2vec_plugins.formats import read_any
from emo2vec_plugins.report import SUFFIXES, spoken_by

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


@click.command()
@click.argument("emotions", metavar="EMOTIONS")
@click.option(
    "-o", "--out", metavar="FILE", required=True, help=f"What to write: {', '.join(SUFFIXES)}."
)
@click.option(
    "--kind",
    type=click.Choice(["timeline", "trajectories"]),
    default="timeline",
    show_default=True,
    help="A lane for each speaker, or the probability of each emotion over time.",
)
@click.option(
    "--recording", metavar="NAME", help="Which one to draw, where EMOTIONS are of several."
)
@click.option(
    "--speaker", "speakers", metavar="NAME", multiple=True, help="Draw only this one. Repeatable."
)
@click.option(
    "--start", callback=seconds, metavar="TIME", help="From when: seconds, m:ss or h:mm:ss."
)
@click.option("--end", callback=seconds, metavar="TIME", help="Until when.")
@click.option(
    "--from", "from_", metavar="NAME", help="Format of EMOTIONS, whatever its name ends in."
)
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
@click.pass_context
def picture(
    ctx: click.Context,
    *,
    emotions: str,
    out: str,
    kind: Literal["timeline", "trajectories"],
    recording: str | None,
    speakers: Sequence[str],
    start: float | None,
    end: float | None,
    from_: str | None,
    quiet: bool,
) -> None:
    """Draw who speaks when, and in which emotion.

    EMOTIONS is a folder of results, or a file that 'emo2vec convert' reads. Turns are coloured by
    emotion, paler for lower scores and hatched without one. The same turns give the same file.
    """
    _check(out)
    found = one_of(
        read_any(emotions, plugins=plugins_of(ctx), format=from_), recording, a="picture"
    )
    # All of the recording, though some speakers may begin late and end early.
    whole = replace(found, duration=_end(found))
    dialogue = spoken_by(whole, speakers) if speakers else whole
    content = _drawn(kind, dialogue, start, end, suffix=Path(out).suffix)
    with replacing(Path(out)) as stream:
        stream.write(content)
    note(f"{found.recording} is drawn in {out}", quiet=quiet)


def _check(out: str) -> None:
    if Path(out).suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"--out writes {', '.join(SUFFIXES)}, got {out!r}")
    if Path(out).is_dir():
        raise click.UsageError(f"{out} is a folder, expected a file to write")


def _end(dialogue: Dialogue) -> float | None:
    ends = [each.turn.end for each in dialogue.turns]
    return max([dialogue.duration or 0.0, *ends])


def _drawn(
    kind: str, dialogue: Dialogue, start: float | None, end: float | None, *, suffix: str
) -> bytes:
    from emo2vec_plugins.report import rendered, timeline, trajectories

    draw = timeline if kind == "timeline" else trajectories
    figure: Figure = draw(dialogue, start=start, end=end)
    return rendered(figure, suffix=suffix)
