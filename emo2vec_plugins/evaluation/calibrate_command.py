"""``emo2vec calibrate``: a model and labelled cuts in, the same model with calibrated scores out."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click

from emo2vec_plugins.cli import Loading, complain, counted, loading_options, note, progress
from emo2vec_plugins.evaluation.options import TruthOptions, extra, labelled_manifest, truth_options

if TYPE_CHECKING:
    from emo2vec_plugins.evaluation.results import Calibration


@click.command()
@click.argument("source", metavar="CUTS")
@click.option(
    "-o", "--out", "target", metavar="FOLDER", required=True, help="Write the new model here."
)
@truth_options("--field")
@loading_options
@click.option("-q", "--quiet", is_flag=True, help="No progress, no summary.")
def calibrate(
    *, source: str, target: str, truth: TruthOptions, loading: Loading, quiet: bool
) -> None:
    """Make a model's scores mean what they say.

    CUTS is a .jsonl or .jsonl.gz of Lhotse cuts with labels, of speakers whom the model has not
    learnt from. One number, the temperature, is fitted on them, and FOLDER becomes a copy of the
    model with its head divided by it. Labels and embeddings stay as they are.
    """
    library = _library()
    cuts = labelled_manifest(Path(source))
    with progress("cuts", total=len(cuts), quiet=quiet) as advance:
        found = library.calibrate(
            cuts,
            Path(target),
            model=loading.model,
            data=Path(source).name,
            truth=truth.reader(),
            device=loading.device,
            dtype=loading.dtype,
            plugins=loading.plugins,
            advance=advance,
        )
    tell(found.calibration, quiet=quiet)
    note(
        f"temperature {found.temperature:.3f} from {counted(found.turns, 'turn')}; the model is in "
        f"{target}",
        quiet=quiet,
    )


def tell(found: Calibration, *, quiet: bool) -> None:
    """Say what became of both errors on turns that the temperatures were not fitted on."""
    before, after = found.before, found.after
    if after is None:
        complain("warning", f"not tried on other turns: {found.reason}")
        return
    errors = {
        "log loss": (before.log_loss, after.log_loss),
        "expected calibration error": (before.ece, after.ece),
    }
    for name, (was, became) in errors.items():
        note(f"{name} on other {found.by}s: {was:.3f} before, {became:.3f} after", quiet=quiet)
    risen = [name for name, (was, became) in errors.items() if became > was]
    if risen:
        complain(
            "warning",
            f"on other {found.by}s the {' and the '.join(risen)} "
            f"{'rises' if len(risen) == 1 else 'rise'}: the scores were no worse before, or there "
            "is too little data",
        )


def _library() -> ModuleType:
    with extra():
        from emo2vec_plugins.evaluation import calibration
    return calibration
