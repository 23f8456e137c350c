"""Cuts with labels, and their manifests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lhotse import CutSet, Recording, SupervisionSegment
from scipy.special import softmax

from emo2vec_plugins import Engine, load_model


def labelled_cut(path: Path, *labels, speaker=None, seconds=1.0, **custom):
    """Return a cut of a file with consecutive supervisions of *seconds*, one for each label.

    The id of a supervision is the stem of the file and a number.
    """
    cut = Recording.from_file(path).to_cut()
    cut.supervisions = [
        SupervisionSegment(
            id=f"{path.stem}-{number}",
            recording_id=cut.recording_id,
            start=number * seconds,
            duration=seconds,
            speaker=speaker,
            custom={**({} if label is None else {"emotion": label}), **custom},
        )
        for number, label in enumerate(labels)
    ]
    return cut


def save_cuts(path: Path, *cuts) -> Path:
    """Write a manifest and return its path."""
    CutSet.from_cuts(cuts).to_file(path)
    return path


def cuts_like_predictions(model: Path, write, noise, *, sharpness: float, count: int = 40):
    """Return clips of four speakers, with labels drawn from the logits divided by *sharpness*.

    A fitted temperature should therefore be close to *sharpness*.
    """
    engine = Engine(load_model(model))
    generator = np.random.default_rng(0)
    cuts = []
    for number in range(count):
        samples = noise(4000, seed=number) * np.hanning(4000).astype(np.float32) ** (number % 5)
        (emotion,) = engine.score((samples, 16000))
        likely = softmax(np.array(list(emotion.logits.values())) / sharpness)
        label = list(emotion.logits)[generator.choice(len(likely), p=likely)]
        path = write(f"clip{number}.wav", samples, 16000)
        cuts.append(labelled_cut(path, label, seconds=0.25, speaker=str(number % 4)))
    return cuts
