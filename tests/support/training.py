"""Small training data, short tones of four speakers, and a very small network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

from emo2vec_plugins.models.checkpoint import read_tensors, save_folder
from emo2vec_plugins.models.config import Config, to_document
from emo2vec_plugins.models.network import Network
from emo2vec_plugins.training.fit import Resources
from emo2vec_plugins.training.run import train

CPU = Resources(device="cpu")
RATE = 16_000
PITCHES = {"happy": 900.0, "sad": 150.0}
SPEAKERS = ("ann", "bob", "cem", "dee")
SMALL = Config(
    width=16,
    heads=2,
    prenet_depth=1,
    depth=1,
    conv_layers=((8, 10, 5), *[(8, 3, 2)] * 4, *[(8, 2, 2)] * 2),
    position_depth=1,
    position_width=5,
    position_groups=2,
    extra_tokens=2,
)


def tone(pitch: float, *, seconds: float = 0.2, seed: int = 0) -> np.ndarray:
    """Return a tone with some noise, float32 of shape (samples,)."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 0.3 * np.sin(2 * np.pi * pitch * time) + 0.02 * rng.standard_normal(len(time))
    return wave.astype(np.float32)


def cut(folder: Path, name: str, samples: np.ndarray, *, speaker: str | None, emotion: str | None):
    """Write a clip and return its cut with one supervision."""
    path = folder / f"{name}.wav"
    soundfile.write(path, samples, RATE)
    recording = Recording.from_file(path, recording_id=name)
    whole = {"id": name, "start": 0.0, "duration": recording.duration, "channel": 0}
    supervision = SupervisionSegment(
        **whole,
        recording_id=name,
        speaker=speaker,
        custom=None if emotion is None else {"emotion": emotion},
    )
    return MonoCut(**whole, recording=recording, supervisions=[supervision])


def corpus(folder: Path, *, speakers: tuple[str, ...] = SPEAKERS, each: int = 2) -> list[MonoCut]:
    """Write *each* clips per class and speaker; return their cuts."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        cut(
            folder,
            f"{speaker}-{emotion}-{number}",
            tone(pitch * (1 + 0.05 * who), seconds=0.2 + 0.05 * number, seed=10 * who + number),
            speaker=speaker,
            emotion=emotion,
        )
        for who, speaker in enumerate(speakers)
        for emotion, pitch in PITCHES.items()
        for number in range(each)
    ]


def manifest(path: Path, cuts: list[MonoCut]) -> Path:
    """Write cuts to a manifest; return its path."""
    CutSet.from_cuts(cuts).to_file(path)
    return path


def small_config(path: Path) -> Path:
    """Write the configuration of the small network in the published layout; return its path."""
    path.write_text(yaml.safe_dump(to_document(SMALL)), "utf-8")
    return path


def small_model(path: Path, *, tokens: tuple[str, ...] = ("生气/angry", "开心/happy")) -> Path:
    """Write a model folder of a small network with random weights; return its path."""
    torch.manual_seed(1)
    network = Network(SMALL, len(tokens))
    save_folder(path, config=SMALL, tensors=network.state_dict(), tokens=tokens)
    return path


class Stopped(Exception):  # noqa: N818 - not an error
    """Ends a run after an epoch."""


def stopped(split, recipe, out: Path, *, after: int, resources: Resources = CPU) -> Path:
    """Train until an epoch is complete, and leave the files that a killed run leaves.

    Returns the folder of the unfinished run.
    """

    def stop(result):
        if result.epoch == after:
            raise Stopped

    with pytest.raises(Stopped):
        train(split, recipe, out=out, resources=resources, progress=stop)
    return out.with_name(f"{out.name}.training")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a model folder."""
    return read_tensors(next(p for p in folder.iterdir() if p.stem == "model"))


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Return whether weights are identical to the last bit."""
    return all(torch.equal(one[name], other[name]) for name in one.keys() | other.keys())
