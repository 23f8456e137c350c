"""``emo2vec selfcheck``: genuine weights against their published scores."""

from __future__ import annotations

import re
from pathlib import Path

import click

from emo2vec_plugins.cli.options import Loading, loading_options
from emo2vec_plugins.cli.output import print_table, speaker_of
from emo2vec_plugins.core import Backend
from emo2vec_plugins.errors import ModelNotFoundError
from emo2vec_plugins.models import PUBLISHED_SCORES, TOLERANCE, find_audio, require_known
from emo2vec_plugins.models import selfcheck as check


@click.command()
@click.option(
    "--audio",
    metavar="FILE",
    help="The model's example/test.wav.  [default: the one in its folder or on its hub]",
)
@loading_options
def selfcheck(*, audio: str | None, loading: Loading) -> None:
    """Compare the model with its published scores.

    That is emotion2vec_plus_large, on this machine; other models have none that are known.
    Exit status 1, and the classes that differ, if it does not agree.
    """
    backend = _genuine(loading)
    require_known(backend)
    recording = find_audio(loading.model) if audio is None else Path(audio)
    agreement = check(backend, recording)
    rows = [
        (name, f"{PUBLISHED_SCORES[name]:.3e}", f"{difference:+.4f}")
        for name, difference in agreement.differences.items()
    ]
    print_table(("class", "published p", "difference of ln p"), rows)
    click.echo(
        f"{speaker_of(backend.provenance)} agrees with its published scores: "
        f"at most {agreement.worst:.4f}, {TOLERANCE} is allowed"
    )


def _genuine(loading: Loading) -> Backend:
    try:
        return loading.backend()
    except ModelNotFoundError as error:  # the embedded model has no published scores
        raise ModelNotFoundError(re.sub(r"[,;] or use the embedded.*", "", str(error))) from error
