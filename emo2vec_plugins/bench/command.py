"""``emo2vec bench``: how fast this machine runs a model, by back end and arithmetic."""

from __future__ import annotations

import math
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emo2vec_plugins.cli import (
    POSITIVE,
    complain,
    device_option,
    gathered,
    model_option,
    note,
    picture_option,
    print_table,
    quiet_option,
    report_option,
    threads_option,
    write_report,
)
from emo2vec_plugins.files import replacing
from emo2vec_plugins.integrations import import_extra

if TYPE_CHECKING:
    from emo2vec_plugins.bench.measure import Plan
    from emo2vec_plugins.bench.results import Report
    from emo2vec_plugins.bench.weights import Weights

CPU_SUBJECTS = (
    *("torch:float32", "torch:bfloat16", "onnx:float32", "onnx:int8"),
    *("openvino:float32", "openvino:bfloat16", "openvino:int8"),
    *("funasr:float32", "transformers:float32"),
)
"""What is measured on a CPU by default, as far as it can run."""

CUDA_SUBJECTS = (
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


_PLAN = {
    "seed": click.option("--seed", type=click.IntRange(min=0), default=0, help="Of it."),
    "repeats": click.option(
        "--repeats",
        type=click.IntRange(min=1),
        default=5,
        help="Rounds, after one to warm up; figures are medians.",
    ),
    "threads": threads_option,
    "end_to_end": click.option("--end-to-end", is_flag=True, help="Go from files to files, too."),
    "hours": click.option(
        "--hours",
        metavar="A,B,...",
        callback=_hours,
        help="Annotate recordings of these lengths, too, from file to file.",
    ),
}
"""Options that are fields of `Plan`."""


@click.command("bench")
@click.option(
    *("-s", "--subject", "subjects"),
    metavar="WAY:DTYPE",
    multiple=True,
    help="Measure this: a way that 'emo2vec models' lists, or transformers, and an arithmetic. "
    "Repeatable.  [default: all that can run here]",
)
@model_option(None, otherwise="random weights of the shape of emotion2vec_plus_large")
@click.option(
    "--rttm", metavar="FILE", help="Turns as long as those in this file.  [default: of meetings]"
)
@click.option(
    "--seconds",
    type=POSITIVE,
    help=f"Of audio in a round, about.  [default: {CPU_SECONDS:g}, on a GPU {CUDA_SECONDS:g}]",
)
@gathered("settings", dict, _PLAN)
@device_option
@report_option
@picture_option("the speeds")
@quiet_option
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
        import_extra("matplotlib", extra="train")  # found missing before the rounds, not after
    from emo2vec_plugins.bench import machine
    from emo2vec_plugins.bench.measure import Plan, measure
    from emo2vec_plugins.bench.subjects import Subject
    from emo2vec_plugins.bench.turns import meetings, of_rttm
    from emo2vec_plugins.engine import cores
    from emo2vec_plugins.models import device_of

    place = str(device_of(device))
    own, enough = (
        (CUDA_SUBJECTS, CUDA_SECONDS) if place.startswith("cuda") else (CPU_SUBJECTS, CPU_SECONDS)
    )
    chosen = tuple(Subject.parse(each) for each in dict.fromkeys(subjects or own))
    turns = meetings() if rttm is None else of_rttm(Path(rttm))
    load = machine.load()  # before anything runs: afterwards it would be our own
    with tempfile.TemporaryDirectory(prefix="emo2vec-bench-") as temporary:
        folder = Path(temporary)
        plan = Plan(
            subjects=chosen,
            weights=_weights(model, folder / "model"),
            turns=turns,
            seconds=seconds or enough,
            device=place,
            **settings,
        )
        silent = quiet or not sys.stderr.isatty()
        found = measure(plan, folder, announce=lambda line: note(line, quiet=silent))
    result = replace(found, about={**_circumstances(plan), "load_before": load, **found.about})
    if report != "-":
        _show(result)  # first: whatever becomes of the files, it was not for nothing
    write_report(report, result.to_json())
    if picture is not None:
        from emo2vec_plugins.bench.picture import speed_figure

        with replacing(Path(picture)) as stream:
            figure = speed_figure(result)
            figure.savefig(stream, format=Path(picture).suffix.lower()[1:], dpi=150)
    if load is not None and load > cores():
        complain("warning", f"this machine was busy before it was measured: its load was {load}")
    for name, reason in result.left_out.items():
        complain("warning", f"{name} was left out: {reason}")


def _weights(model: str | None, folder: Path) -> Weights:
    from emo2vec_plugins.bench.weights import named_weights, random_weights

    return random_weights(folder) if model is None else named_weights(model, folder)


def _circumstances(plan: Plan) -> dict[str, object]:
    from emo2vec_plugins.bench import machine

    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(["emo2vec", *sys.argv[1:]]),
        "machine": machine.describe(plan.device),
        "versions": machine.versions(),
        "threads": plan.threads,
    }


def _show(report: Report) -> None:
    from emo2vec_plugins.bench.table import growth, heading, speeds

    click.echo(heading(report))
    tables: tuple[Callable[[Report], tuple[Sequence[str], list[list[str]]]], ...] = (speeds, growth)
    for table in tables:
        columns, rows = table(report)
        if rows:
            click.echo()
            print_table(columns, rows)
