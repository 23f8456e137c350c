"""Check that the published weights give their published scores on this machine.

The test suite compares with the reference on random weights, because the published weights are too
large to ship. This check uses the published weights: it scores a recording of four seconds, which
the publishers ship with the model, and compares with scores from public sources, computed with
FunASR on other machines.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emo2vec_plugins.core import Backend, switch_off_telemetry
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import ModelNotFoundError, OptionsError, SelfcheckError
from emo2vec_plugins.files import expanded

MODEL = "emotion2vec_plus_large"
"""The only model with known scores."""

WIDTH = 1024
"""Width of its embeddings; no related model has both this width and nine classes."""

PUBLISHED_SCORES = {
    "angry": 1.0,
    "disgusted": 4.307079432691596e-12,
    "fearful": 7.651620656523583e-12,
    "happy": 1.8212416297291867e-10,
    "neutral": 7.213059316502068e-11,
    "other": 1.3731805914519914e-14,
    "sad": 9.798530042903764e-11,
    "surprised": 8.913316751346656e-10,
    "unknown": 5.704816692153179e-21,
}
"""Published probability of each class."""

TOLERANCE = 0.02
"""Largest allowed difference of ln p; two published runs on different machines differ by 0.0076.

Logarithms are compared because all classes but one have probabilities close to zero, whose
differences would be meaningless.
"""

AUDIO = "example/test.wav"
"""Path of the recording in the model's repository."""

AUDIO_SHA256 = "a4839eaaa3d54bd2db6eb48aa3d40def1b5c5004df3fd163a8dcd045097f8a23"
"""Digest of the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfcheckResult:
    """The differences between a model's scores and the published ones.

    Attributes:
        differences: For each class, computed ln p minus published ln p.
    """

    differences: Mapping[str, float]

    @property
    def worst(self) -> float:
        """The largest absolute difference."""
        return max(abs(difference) for difference in self.differences.values())


def selfcheck(backend: Backend, audio: str | Path) -> SelfcheckResult:
    """Score the published example with *backend* and compare with the published scores.

    Args:
        backend: The model to check.
        audio: The recording published with the model, ``example/test.wav``.

    Raises:
        SelfcheckError: If a class differs by more than `TOLERANCE`.
        OptionsError: If the model has no published scores, or the recording is a different one.
        OSError: If the recording cannot be read.
    """
    require_known(backend)
    digest = hashlib.sha256(Path(audio).read_bytes()).hexdigest()
    if digest != AUDIO_SHA256:
        raise OptionsError(
            f"{audio} is not the published recording: expected sha256 {AUDIO_SHA256}, got {digest}"
        )
    emotion = Engine(backend).score(audio)[0]
    if emotion.reason is not None:
        raise SelfcheckError(f"{audio} cannot be scored: {emotion.reason}")
    return compare(emotion.scores)


def require_known(backend: Backend) -> None:
    """Reject a model without published scores.

    Raises:
        OptionsError: Unless its width and classes are those of `MODEL`.
    """
    names = backend.labels.names
    if backend.width == WIDTH and set(names) == set(PUBLISHED_SCORES):
        return
    raise OptionsError(
        f"expected {MODEL}, the only model with published scores (width {WIDTH}, classes "
        f"{', '.join(PUBLISHED_SCORES)}), got {backend.provenance.model!r} (width "
        f"{backend.width}, classes {', '.join(names) or '(none)'})"
    )


def compare(scores: Mapping[str, float]) -> SelfcheckResult:
    """Compare the probabilities of all nine classes with the published ones.

    Raises:
        SelfcheckError: If a class differs by more than `TOLERANCE`.
    """
    agreement = SelfcheckResult(
        differences={name: _ln(scores[name]) - _ln(p) for name, p in PUBLISHED_SCORES.items()}
    )
    far = {name: d for name, d in agreement.differences.items() if abs(d) > TOLERANCE}
    if far:
        listed = ", ".join(f"{name} by {d:+.3g}" for name, d in far.items())
        raise SelfcheckError(
            f"the scores differ from those published for {MODEL}: "
            f"ln p may differ by {TOLERANCE}, got {listed}"
        )
    return agreement


def find_audio(model: str) -> Path:
    """Return the recording published with *model*, a folder, a hub identifier or a model name.

    Searches the folder, or the cache of the Hugging Face hub and then the hub.

    Raises:
        ModelNotFoundError: If the recording is not found; the message says what to pass instead.
    """
    # With and without a loader prefix, as in torch:FOLDER. The whole string comes first, because
    # drives on Windows have a colon, too.
    source = model.partition(":")[2] or model
    for folder in map(expanded, (model, source)):
        if folder.is_dir():
            return _existing(folder / AUDIO)
    switch_off_telemetry()
    import huggingface_hub

    # ModelScope's iic/NAME is on this hub, too.
    identifier = f"emotion2vec/{source.rpartition('/')[2]}"
    try:
        found = huggingface_hub.snapshot_download(identifier, allow_patterns=[AUDIO])
    except Exception as error:
        raise ModelNotFoundError(
            f"{AUDIO} of {identifier} is not in the cache, and the download from the hub failed "
            f"({type(error).__name__}); pass the file with --audio"
        ) from error
    return _existing(Path(found) / AUDIO)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ModelNotFoundError(
            f"{path}: no such file; get it from the model's repository and pass it with --audio"
        )
    return path


def _ln(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf
