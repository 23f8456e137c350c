"""``emo2vec selfcheck``: compare a model with its published scores."""

from __future__ import annotations

import re
from pathlib import Path

from emo2vec_plugins import models
from emo2vec_plugins.cli.options import option
from emo2vec_plugins.cli.output import echo, print_table
from emo2vec_plugins.cli.scoring import Loading, describe_model, loading_options
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Backend
from emo2vec_plugins.errors import ModelNotFoundError

_AUDIO = "The model's example/test.wav.  [default: the one in its folder or on its hub]"


@command("selfcheck")
@option("--audio FILE", _AUDIO)
@loading_options
def selfcheck_command(*, audio: str | None, loading: Loading) -> None:
    """Compare a model with its published scores.

    Scores were published only for emotion2vec_plus_large. If they differ on this machine, the exit
    status is 1 and the differing classes are listed.

    \b
    Example:
      emo2vec selfcheck --model /models/emotion2vec_plus_large
    """
    backend = _genuine(loading)
    models.require_known(backend)  # before the recording is downloaded
    recording = models.find_audio(loading.model) if audio is None else Path(audio)
    agreement = models.selfcheck(backend, recording)
    rows = [
        (name, f"{models.PUBLISHED_SCORES[name]:.3e}", f"{difference:+.4f}")
        for name, difference in agreement.differences.items()
    ]
    print_table(("class", "published p", "difference of ln p"), rows)
    worst = f"largest difference {agreement.worst:.4f}, tolerance {models.TOLERANCE}"
    echo(f"{describe_model(backend)} agrees with its published scores: {worst}")


def _genuine(loading: Loading) -> Backend:
    try:
        return loading.backend()
    except ModelNotFoundError as error:
        # The usual advice to use the embedded model does not help: it has no published scores.
        raise ModelNotFoundError(re.sub(r"[,;] or use the embedded.*", "", str(error))) from error
