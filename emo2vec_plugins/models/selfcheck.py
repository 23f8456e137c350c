"""Whether genuine weights, on this machine, give the scores that were published for them.

Parity with the reference is tested on random weights, because the published ones are too large
to travel with tests. This check is for the machine that has them: one recording of four
seconds, which the model's publishers ship beside it, and the score vector found for it in public
sources, computed with FunASR on other machines.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emo2vec_plugins.core import Backend
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import ModelNotFoundError, OptionsError, SelfcheckError

MODEL = "emotion2vec_plus_large"
"""The one model whose scores are known here."""

WIDTH = 1024
"""Of that model's embeddings; none of its siblings has both this width and nine classes."""

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
"""Probability of each class, as published."""

TOLERANCE = 0.02
"""Greatest difference of ln p; two published runs on different machines differ by 0.0076.

Of logarithms, for the example is clear: all classes but one have probabilities of nearly zero,
whose differences would show nothing.
"""

AUDIO = "example/test.wav"
"""Where the recording lies in the model's repository."""

AUDIO_SHA256 = "a4839eaaa3d54bd2db6eb48aa3d40def1b5c5004df3fd163a8dcd045097f8a23"
"""Digest of that recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfcheckResult:
    """How far a model is from its published scores.

    Attributes:
        differences: Of ln p for each class, ours less the published.
    """

    differences: Mapping[str, float]

    @property
    def worst(self) -> float:
        """The greatest difference, without its sign."""
        return max(abs(difference) for difference in self.differences.values())


def selfcheck(backend: Backend, audio: str | Path) -> SelfcheckResult:
    """Score the published example with *backend* and compare.

    Args:
        backend: The model to check.
        audio: The recording that is published with it, ``example/test.wav``.

    Raises:
        SelfcheckError: If a class differs by more than `TOLERANCE`.
        OptionsError: If this is another model, whose scores are not known, or another recording.
        OSError: If the recording cannot be read.
    """
    require_known(backend)
    digest = hashlib.sha256(Path(audio).read_bytes()).hexdigest()
    if digest != AUDIO_SHA256:
        raise OptionsError(
            f"{audio} is not the recording that scores are published for: "
            f"expected sha256 {AUDIO_SHA256}, found {digest}"
        )
    emotion = Engine(backend).score(audio)[0]
    if emotion.reason is not None:
        raise SelfcheckError(f"{audio} could not be scored: {emotion.reason}")
    return compare(emotion.scores)


def require_known(backend: Backend) -> None:
    """Refuse a model whose scores were not published.

    Raises:
        OptionsError: Unless its width and classes are those of `MODEL`.
    """
    names = backend.labels.names
    if backend.width == WIDTH and set(names) == set(PUBLISHED_SCORES):
        return
    raise OptionsError(
        f"scores are published for {MODEL} alone, which has width {WIDTH} and the classes "
        f"{', '.join(PUBLISHED_SCORES)}; {backend.provenance.model!r} has width {backend.width} and "
        f"{', '.join(names) or 'no classes'}"
    )


def compare(scores: Mapping[str, float]) -> SelfcheckResult:
    """Compare the probabilities of all nine classes with those published.

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
            f"the scores are not those published for {MODEL}: "
            f"ln p may differ by {TOLERANCE} but does for {listed}"
        )
    return agreement


def find_audio(model: str) -> Path:
    """Return the recording that belongs to *model*, a folder or a hub's identifier or name.

    It is looked for in the folder, or in the Hugging Face hub's cache and then the hub.

    Raises:
        ModelNotFoundError: If it is nowhere; the message says what to pass instead.
    """
    # With and without a way of loading before it, as in torch:FOLDER. The whole first: a drive of
    # Windows has a colon, too.
    source = model.partition(":")[2] or model
    for folder in (Path(model).expanduser(), Path(source).expanduser()):
        if folder.is_dir():
            return _existing(folder / AUDIO)
    import huggingface_hub

    # What ModelScope has as iic/NAME lies here, too.
    identifier = f"emotion2vec/{source.rpartition('/')[2]}"
    try:
        found = huggingface_hub.snapshot_download(identifier, allow_patterns=[AUDIO])
    except Exception as error:
        raise ModelNotFoundError(
            f"{AUDIO} of {identifier} is not in the cache and the hub did not give it "
            f"({type(error).__name__}); pass the file with --audio"
        ) from error
    return _existing(Path(found) / AUDIO)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ModelNotFoundError(
            f"{path}: no such file; it is in the model's repository: pass it with --audio"
        )
    return path


def _ln(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf
