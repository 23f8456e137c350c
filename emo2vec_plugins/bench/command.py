"""``emo2vec bench``: how fast this machine runs a model, by back end and arithmetic."""

from __future__ import annotations

import math
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins import cli
from emo2vec_plugins.core import import_extra
from emo2vec_plugins.files import replacing

if TYPE_CHECKING:
    pass

CPU_SUBJECTS: tuple[str, ...] = (
    *("torch:float32", "torch:bfloat16", "onnx:float32", "onnx:int8"),
    *("openvino:float32", "openvino:bfloat16", "openvino:int8"),
    *("funasr:float32", "transformers:float32"),
)
"""What is measured on a CPU by default, as far as it can run."""

CUDA_SUBJECTS: tuple[str, ...] = (
    *("torch:float32", "torch:bfloat16", "torch:float16"),
    *("funasr:float32", "transformers:float32", "transformers:bfloat16"),
)
"""What is measured on a GPU by default, as far as it can run."""

CPU_SECONDS, CUDA_SECONDS = 120.0, 3600.0
"""Of audio in a round: as little as has the mix of turns; on a GPU as much as keeps it busy."""


def _hours(_: click.Context, __: click.Parameter, value: str | None) -> tuple[float, ...]:
    try:
        hours = tuple(float(each) for each in value.split(",")) if value else ()
    except ValueError as error:
        raise click.BadParameter(f"expected numbers with commas between, got {value!r}") from error
    if not all(0 < each < math.inf for each in hours):
        raise click.BadParameter(f"expected lengths of recordings, got {value!r}")
    return hours


_ROUNDS = "Rounds, after one to warm up; figures are medians."
_LENGTHS = "Annotate recordings of these lengths, too, from file to file."
_PLAN = {
    "seed": cli.option("--seed", "Of it.", type=click.IntRange(min=0), default=0),
    "repeats": cli.option("--repeats", _ROUNDS, type=cli.COUNT, default=5),
    "threads": cli.threads_option,
    "end_to_end": cli.option("--end-to-end", "Go from files to files, too."),
    "hours": cli.option("--hours A,B,...", _LENGTHS, callback=_hours),
}
"""Options that are fields of `Plan`."""


@click.command("bench")
@cli.option(
    "-s, --subject WAY:DTYPE",
    "Measure this: a way that 'emo2vec models' lists, or transformers, and an arithmetic. "
    "Repeatable.  [default: all that can run here]",
    name="subjects",
    multiple=True,
)
@cli.model_option(None, otherwise="random weights of the shape of emotion2vec_plus_large")
@cli.option("--rttm FILE", "Turns as long as those in this file.  [default: of meetings]")
@cli.option(
    "--seconds",
    f"Of audio in a round, about.  [default: {CPU_SECONDS:g}, on a GPU {CUDA_SECONDS:g}]",
    type=cli.POSITIVE,
)
@cli.gathered("settings", dict, _PLAN)
@cli.device_option
@cli.report_option
@cli.picture_option("the speeds")
@cli.quiet_option
def bench_command(
    *,
    subjects: Sequence[str],
    model: str | None,
    rttm: str | None,
    seconds: float | None,
    settings: dict[str, Any],
    device: str | None,
    report: str | None,
    picture: str | None,
    quiet: bool,
) -> None:
    """Measure how fast this machine runs a model.

    Each back end and arithmetic runs in a process of its own; all take turns, round by round, on
    the same made audio in turns as long as those of meetings. What cannot run here is left out.
    """
    if picture is not None:
        import_extra(
            "matplotlib", extra="pictures", purpose="--picture"
        )  # found missing before the rounds, not after
    from emo2vec_plugins.bench import machine, table
    from emo2vec_plugins.bench.measure import Plan, measure
    from emo2vec_plugins.bench.subjects import Subject
    from emo2vec_plugins.bench.turns import MEETINGS, of_rttm
    from emo2vec_plugins.bench.weights import named_weights, random_weights
    from emo2vec_plugins.engine import cores
    from emo2vec_plugins.models import device_of

    place = str(device_of(device))
    own, enough = CPU_SUBJECTS, CPU_SECONDS
    if place.startswith("cuda"):
        own, enough = CUDA_SUBJECTS, CUDA_SECONDS
    chosen = tuple(Subject.parse(each) for each in dict.fromkeys(subjects or own))
    turns = MEETINGS if rttm is None else of_rttm(Path(rttm))
    load = machine.load()  # before anything runs: afterwards it would be our own
    with tempfile.TemporaryDirectory(prefix="emo2vec-bench-") as temporary:
        folder = Path(temporary)
        copy = folder / "model"
        plan = Plan(
            subjects=chosen,
            weights=random_weights(copy) if model is None else named_weights(model, copy),
            turns=turns,
            seconds=seconds or enough,
            device=place,
            **settings,
        )
        silent = quiet or not sys.stderr.isatty()
        found = measure(plan, folder, announce=lambda line: cli.note(line, quiet=silent))
    here = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(["emo2vec", *sys.argv[1:]]),
        "machine": machine.describe(plan.device),
        "versions": machine.versions(),
        "threads": plan.threads,
        "load_before": load,
    }
    result = replace(found, about={**here, **found.about})
    if report != "-":
        # First: whatever becomes of the files, it was not for nothing.
        click.echo(table.heading(result))
        for columns, rows in (table.speeds(result), table.growth(result)):
            if rows:
                click.echo()
                cli.print_table(columns, rows)
    cli.write_report(report, result.to_json())
    if picture is not None:
        from emo2vec_plugins.bench.picture import speed_figure

        with replacing(Path(picture)) as stream:
            figure = speed_figure(result)
            figure.savefig(stream, format=Path(picture).suffix.lower()[1:], dpi=150)
    if load is not None and load > cores():
        cli.complain(
            "warning", f"this machine was busy before it was measured: its load was {load}"
        )
    for name, reason in result.left_out.items():
        cli.complain("warning", f"{name} was left out: {reason}")
