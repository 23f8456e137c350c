"""Augmentation: random changes of waveforms, so that a network cannot memorise them.

Each augmentation is a pure function of a waveform and a random generator. `augmentations` selects
those of a recipe, in the order in which such changes occur between a mouth and a file. Masks come
last, after normalisation, when the mean is zero.

Two augmentations can change the emotion itself. Speed changes tempo, pitch and formants together,
and fast, high speech signals high arousal. A strong tilt changes voice quality: a pressed voice has
a flatter spectrum than a breathy one. Noise, gain, cropping and masks only hide information. All
augmentations are off by default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.audio import MODEL_RATE, resample
from emo2vec_plugins.engine import EPSILON, HOP, RECEPTIVE
from emo2vec_plugins.training.recipe import Range, Recipe

Augmentation = Callable[[Tensor, np.random.Generator], Tensor]
"""A function from a waveform of shape (samples,) to a new one of at least one frame."""

TEMPO_STEPS = 50
"""Numerator of every tempo factor, a ratio of small integers that keeps resampling filters small."""


def augmentations(recipe: Recipe) -> tuple[Augmentation, ...]:
    """Return the augmentations of a recipe that come before normalisation, in order."""
    selected = (
        recipe.speed and partial(change_speed, factor=recipe.speed),
        recipe.crop and partial(crop, share=recipe.crop),
        recipe.tilt and partial(tilt, most=recipe.tilt),
        recipe.noise and partial(add_noise, snr=recipe.noise),
        recipe.gain and partial(change_gain, decibels=recipe.gain),
    )
    return tuple(augmentation for augmentation in selected if augmentation)


def prepare(
    waveform: Tensor, recipe: Recipe, *, normalize: bool, rng: np.random.Generator | None
) -> Tensor:
    """Augment and normalise a waveform for the network.

    Args:
        waveform: Shape (samples,), as recorded.
        recipe: Determines the augmentations.
        normalize: Whether the network expects zero mean and unit variance.
        rng: None for no augmentation, as in the engine.
    """
    if rng is None:
        return normalized(waveform) if normalize else waveform
    for augmentation in augmentations(recipe):
        waveform = augmentation(waveform, rng)
    if normalize:
        waveform = normalized(waveform)
    return mask(waveform, rng, count=recipe.masks, seconds=recipe.mask_seconds)


def normalized(waveform: Tensor) -> Tensor:
    """Return a waveform with zero mean and unit variance, as in the engine."""
    return F.layer_norm(waveform, waveform.shape, eps=EPSILON)


def stretch(waveform: Tensor, samples: int, rng: np.random.Generator | None) -> Tensor:
    """Return at most *samples* of a waveform, at a random position; from the middle without *rng*."""
    spare = len(waveform) - samples
    if spare <= 0:
        return waveform
    start = spare // 2 if rng is None else int(rng.integers(spare + 1))
    return waveform[start : start + samples]


def change_speed(waveform: Tensor, rng: np.random.Generator, *, factor: Range) -> Tensor:
    """Change tempo and pitch together by a random factor within the range."""
    shortest, longest = (round(TEMPO_STEPS / each) for each in reversed(factor))
    # Every TEMPO_STEPS samples become this many, at the same sampling rate.
    length = int(rng.integers(shortest, longest + 1))
    if length == TEMPO_STEPS or len(waveform) * length < RECEPTIVE * TEMPO_STEPS:
        return waveform
    return torch.from_numpy(resample(waveform.numpy(), TEMPO_STEPS, length))


def crop(waveform: Tensor, rng: np.random.Generator, *, share: Range) -> Tensor:
    """Keep a random share of the waveform, as one stretch at a random position."""
    length = max(RECEPTIVE, round(len(waveform) * rng.uniform(*share)))
    return stretch(waveform, length, rng)


def tilt(waveform: Tensor, rng: np.random.Generator, *, most: float) -> Tensor:
    """Tilt the spectrum up or down with a one-coefficient filter."""
    return waveform - float(rng.uniform(-most, most)) * F.pad(waveform[:-1], (1, 0))


def add_noise(waveform: Tensor, rng: np.random.Generator, *, snr: Range) -> Tensor:
    """Add white noise at a random signal-to-noise ratio within the range, in dB."""
    noise = torch.from_numpy(rng.standard_normal(len(waveform), dtype=np.float32))
    level = waveform.std(correction=0) * 10 ** (-float(rng.uniform(*snr)) / 20)
    return waveform + level * noise


def change_gain(waveform: Tensor, rng: np.random.Generator, *, decibels: Range) -> Tensor:
    """Make the waveform louder or softer, and clip it at full scale."""
    # A network that normalises its input undoes the gain, so only the clipping has an effect.
    return (waveform * 10 ** (float(rng.uniform(*decibels)) / 20)).clamp(-1, 1)


def mask(waveform: Tensor, rng: np.random.Generator, *, count: int, seconds: float) -> Tensor:
    """Set up to *count* stretches of up to *seconds* to zero, in whole steps of a frame.

    SpecAugment (Park et al., arXiv:1904.08779) masks stretches of time in the features. Here the
    samples of those frames are masked, so that the network needs no change.
    """
    if not count:
        return waveform
    masked = waveform.clone()
    frames = len(waveform) // HOP
    longest = max(1, min(round(seconds * MODEL_RATE / HOP), frames // 2))
    for _ in range(int(rng.integers(count + 1))):
        width = int(rng.integers(1, longest + 1))
        start = int(rng.integers(max(1, frames - width + 1))) * HOP
        masked[start : start + width * HOP] = 0
    return masked


def names(recipe: Recipe) -> Sequence[str]:
    """Return descriptions of a recipe's augmentations for a model card."""
    settings = {
        "speed": recipe.speed and f"tempo times {recipe.speed[0]:g} to {recipe.speed[1]:g}",
        "crop": recipe.crop and f"{recipe.crop[0]:.0%} to {recipe.crop[1]:.0%} of a turn",
        "tilt": recipe.tilt and f"spectral tilt up to {recipe.tilt:g}",
        "noise": recipe.noise and f"noise at {recipe.noise[0]:g} to {recipe.noise[1]:g} dB",
        "gain": recipe.gain and f"gain of {recipe.gain[0]:g} to {recipe.gain[1]:g} dB, clipped",
        "masks": recipe.masks and f"up to {recipe.masks} masks of {recipe.mask_seconds:g} s",
    }
    return [text for text in settings.values() if text]
