"""``emo2vec calibrate``: write a copy of a model with calibrated scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from emo2vec_plugins import cli
from emo2vec_plugins.core import counted
from emo2vec_plugins.errors import naming
from emo2vec_plugins.evaluation.options import (
    TruthOptions,
    require_libraries,
    truth_options,
)
from emo2vec_plugins.evaluation.values import COVERAGE

if TYPE_CHECKING:
    from emo2vec_plugins.evaluation.doubt import DoubtFit
    from emo2vec_plugins.evaluation.values import Calibration


@cli.command("calibrate")
@cli.writes_files(overwrite=False)
@cli.file_argument("source", "CUTS")
@cli.folder_option
@truth_options
@cli.option(
    "--coverage SHARE",
    "Share of the turns that keep their label with --abstain.",
    default=COVERAGE,
    show_default=True,
    type=cli.Number(min=0, min_open=True, max=1, max_open=True),
)
@cli.option(
    "--by FIELD",
    "What the test of the doubt leaves out.  [default: corpus, speaker or recording]",
)
@cli.loading_options
@cli.root_option
@cli.quiet_option
def calibrate_command(
    *,
    source: str,
    output: str,
    truth: TruthOptions,
    coverage: float,
    by: str | None,
    loading: cli.Loading,
    quiet: bool,
) -> None:
    """Calibrate the scores of a model, and measure its doubt.

    CUTS is a .jsonl or .jsonl.gz of Lhotse cuts with labels. Use speakers that the model was not
    trained on. One number, the temperature, is fitted on CUTS, and DIR gets a copy of the model
    with its head divided by this number. Labels and embeddings do not change. The copy also gets
    doubt.json, with which results have a doubt and --abstain withholds labels.

    \b
    Examples:
      emo2vec calibrate dev.jsonl.gz -o calibrated
      emo2vec calibrate dev.jsonl.gz --model mine --label-map labels.yaml -o calibrated
      emo2vec calibrate dev.jsonl.gz --by corpus --coverage 0.9 -o calibrated
    """
    require_libraries("calibrate")
    from emo2vec_plugins.evaluation.calibration import calibrate
    from emo2vec_plugins.integrations.lhotse import read_cuts

    cuts = read_cuts(source)
    with naming(source), cli.progress("cuts", total=len(cuts), quiet=quiet) as advance:
        found = calibrate(
            cuts,
            Path(output),
            model=loading.model,
            data=Path(source).name,
            truth=truth.reader(),
            device=loading.device,
            dtype=loading.dtype,
            plugins=loading.plugins,
            permissions=loading.permissions,
            progress=advance,
            by=by,
            coverage=coverage,
        )
    report_errors(found.calibration, quiet=quiet)
    report_doubt(found.doubt, quiet=quiet)
    turns = counted(found.turns, "turn")
    done = f"temperature {found.temperature:.3f} from {turns}; the model is in {output}"
    cli.note(done, quiet=quiet)


def report_errors(found: Calibration, *, quiet: bool) -> None:
    """Report both errors before and after calibration, and warn if one of them rises."""
    before, after = found.before, found.after
    if after is None:
        cli.complain("warning", f"not tested on other turns: {found.reason}")
        return
    errors = {
        "log loss": (before.log_loss, after.log_loss),
        "expected calibration error": (before.ece, after.ece),
    }
    for name, (was, became) in errors.items():
        cli.note(f"{name} on other {found.by}s: {was:.3f} before, {became:.3f} after", quiet=quiet)
    risen = [name for name, (was, became) in errors.items() if became > was]
    if risen:
        cause = "the scores were already well calibrated, or there is too little data"
        cli.complain("warning", f"higher on other {found.by}s: {' and '.join(risen)}; {cause}")


def report_doubt(found: DoubtFit, *, quiet: bool) -> None:
    """Report how well doubt finds wrong labels, and warn if there is no measure or test of it."""
    if found.measure is None:
        cli.complain("warning", f"no measure of doubt was written: {found.reason}")
    elif found.test is None:
        cli.complain("warning", f"the doubt was not tested on other turns: {found.reason}")
    else:
        test = found.test
        area = f"area under the risk-coverage curve {test.risk_area:.3f}"
        risk = f"{test.risk:.3f} of the labels are wrong"
        cli.note(f"doubt, with no {test.by} on both sides: {area}; {risk}", quiet=quiet)
        kept = f"threshold {found.measure.threshold:.2g}"
        cli.note(f"{kept} withholds {test.withheld:.1%} of other labels", quiet=quiet)
        labels = ", ".join(f"{name} {share:.1%}" for name, share in test.kept.items())
        cli.note(f"turns that keep their label, by true label: {labels}", quiet=quiet)
