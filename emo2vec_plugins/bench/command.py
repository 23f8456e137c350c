"""``emo2vec bench``: measure how fast this machine runs a model, by back end and dtype."""

from __future__ import annotations

import math
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins import cli
from emo2vec_plugins.core import import_extra
from emo2vec_plugins.files import replacing

CPU_SUBJECTS: tuple[str, ...] = (
    *("torch:float32", "torch:bfloat16", "onnx:float32", "onnx:int8"),
    *("openvino:float32", "openvino:bfloat16", "openvino:int8"),
    *("funasr:float32", "transformers:float32"),
)
"""Default subjects on a CPU; those that cannot run are left out."""

CUDA_SUBJECTS: tuple[str, ...] = (
    *("torch:float32", "torch:bfloat16", "torch:float16"),
    *("funasr:float32", "transformers:float32", "transformers:bfloat16"),
)
"""Default subjects on a GPU; those that cannot run are left out."""

CPU_SECONDS, CUDA_SECONDS = 120.0, 3600.0
"""Default seconds of audio per round: enough for the mix of turns, and to keep a GPU busy."""


def _hours(_: click.Context, __: click.Parameter, value: str | None) -> tuple[float, ...]:
    try:
        hours = tuple(float(each) for each in value.split(",")) if value else ()
    except ValueError as error:
        raise click.BadParameter(f"expected numbers separated by commas, got {value!r}") from error
    if not all(0 < each < math.inf for each in hours):
        raise click.BadParameter(f"expected positive numbers of hours, got {value!r}")
    return hours


_ROUNDS = "Measured rounds, after one warm-up round; results are medians."
_LENGTHS = "Also annotate recordings of these lengths, from file to file."
_PLAN = {
    "seed": cli.option(
        "--seed", "Seed of the turns and their audio.", type=cli.Integer(min=0), default=0
    ),
    "repeats": cli.option("--repeats", _ROUNDS, type=cli.COUNT, default=5),
    "threads": cli.threads_option,
    "end_to_end": cli.option("--end-to-end", "Also measure from audio files to result files."),
    "hours": cli.option("--hours A,B,...", _LENGTHS, callback=_hours),
}
"""Options that are fields of `Plan`."""


@cli.command("bench")
@cli.writes_files()
@cli.option(
    "-s, --subject WAY:DTYPE",
    "Measure a loader from 'emo2vec models', or transformers, with a dtype. Repeatable.  "
    "[default: all that can run here]",
    name="subjects",
    multiple=True,
)
@cli.model_option(None, otherwise="random weights with the shape of emotion2vec_plus_large")
@cli.option(
    "--rttm FILE", "Use the turn lengths in this file.  [default: turn lengths of meetings]"
)
@cli.option(
    "--seconds",
    f"Seconds of audio per round, about.  [default: {CPU_SECONDS:g}, on a GPU {CUDA_SECONDS:g}]",
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

    Each subject, a back end with a dtype, runs in a separate process. The subjects alternate,
    round by round, on the same synthetic audio, with turns as long as in meetings. Subjects that
    cannot run here are left out with a warning.

    \b
    Examples:
      emo2vec bench --report bench.json --picture bench.png
      emo2vec bench --model tiny --seconds 30 -s torch:float32 -s torch:bfloat16
    """
    if picture is not None:
        # Before the measurement, so that a missing library does not waste it.
        import_extra("matplotlib", extra="pictures", purpose="--picture")
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
    load = machine.load()  # before our own work adds to it
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
        # Print first: results survive if writing a file fails.
        cli.echo(table.heading(result))
        for columns, rows in (table.speeds(result), table.growth(result)):
            if rows:
                cli.echo()
                cli.print_table(columns, rows)
    cli.write_report(report, result.to_json())
    if picture is not None:
        from emo2vec_plugins.bench.picture import speed_figure

        with replacing(Path(picture)) as stream:
            figure = speed_figure(result)
            figure.savefig(stream, format=Path(picture).suffix.lower()[1:], dpi=150)
    if load is not None and load > cores():
        cli.complain(
            "warning", f"the machine was busy before the measurement: load average {load:g}"
        )
    for name, reason in result.left_out.items():
        cli.complain("warning", f"left out {name}: {reason}")
