"""Waveforms made a little different, so that a network cannot memorise them.

Each kind is a pure function of a waveform and a random generator; `augmentations` picks those
that a recipe asks for, in the order in which they would happen on the way from a mouth to a
file. Masks come last, after normalisation, when zero is the mean.

What may change the emotion itself, and is off unless asked for: speed (tempo, pitch and formants
move together: fast and high is what arousal sounds like) and, in large amounts, tilt (a pressed
voice has a flatter spectrum than a breathy one). Noise, gain, cropping and masks hide something,
and add nothing that a voice does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
import torchaudio
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.engine import EPSILON, HOP, RECEPTIVE
from emo2vec_plugins.training.recipe import Range, Recipe

Augmentation = Callable[[Tensor, np.random.Generator], Tensor]
"""From a waveform of shape (samples,) to another of at least one frame; changes nothing."""

TEMPO_STEPS = 50
"""A tempo is a ratio of two numbers of which one is this: so resampling has small filters."""


def augmentations(recipe: Recipe) -> tuple[Augmentation, ...]:
    """Return what a recipe does to a waveform before it is normalised, in order."""
    asked = (
        recipe.speed and partial(change_speed, factor=recipe.speed),
        recipe.crop and partial(crop, share=recipe.crop),
        recipe.tilt and partial(tilt, most=recipe.tilt),
        recipe.noise and partial(add_noise, snr=recipe.noise),
        recipe.gain and partial(change_gain, decibels=recipe.gain),
    )
    return tuple(augmentation for augmentation in asked if augmentation)


def prepare(
    waveform: Tensor, recipe: Recipe, *, normalize: bool, rng: np.random.Generator | None
) -> Tensor:
    """Return a waveform as the network gets it in training.

    Args:
        waveform: Shape (samples,), as recorded.
        recipe: Says what is done to it.
        normalize: Whether the network wants zero mean and unit variance.
        rng: None for no augmentation at all, which is what the engine does.
    """
    if rng is None:
        return normalized(waveform) if normalize else waveform
    for augmentation in augmentations(recipe):
        waveform = augmentation(waveform, rng)
    if normalize:
        waveform = normalized(waveform)
    return mask(waveform, rng, count=recipe.masks, seconds=recipe.mask_seconds)


def normalized(waveform: Tensor) -> Tensor:
    """Return it with zero mean and unit variance, as the engine gives it to the network."""
    return F.layer_norm(waveform, waveform.shape, eps=EPSILON)


def stretch(waveform: Tensor, samples: int, rng: np.random.Generator | None) -> Tensor:
    """Return at most *samples* of a waveform: from anywhere, or from its middle without *rng*."""
    spare = len(waveform) - samples
    if spare <= 0:
        return waveform
    start = spare // 2 if rng is None else int(rng.integers(spare + 1))
    return waveform[start : start + samples]


def change_speed(waveform: Tensor, rng: np.random.Generator, *, factor: Range) -> Tensor:
    """Play it faster or slower, by a factor within the range; pitch moves with the tempo."""
    shortest, longest = (round(TEMPO_STEPS / each) for each in reversed(factor))
    # Resampled from TEMPO_STEPS to so many samples and played at the old rate.
    length = int(rng.integers(shortest, longest + 1))
    if length == TEMPO_STEPS or len(waveform) * length < RECEPTIVE * TEMPO_STEPS:
        return waveform
    played: Tensor = torchaudio.functional.resample(waveform, TEMPO_STEPS, length)
    return played


def crop(waveform: Tensor, rng: np.random.Generator, *, share: Range) -> Tensor:
    """Keep a share of it, one stretch from anywhere."""
    length = max(RECEPTIVE, round(len(waveform) * rng.uniform(*share)))
    return stretch(waveform, length, rng)


def tilt(waveform: Tensor, rng: np.random.Generator, *, most: float) -> Tensor:
    """Tilt its spectrum, up or down, by a filter of one coefficient."""
    return waveform - float(rng.uniform(-most, most)) * F.pad(waveform[:-1], (1, 0))


def add_noise(waveform: Tensor, rng: np.random.Generator, *, snr: Range) -> Tensor:
    """Add white noise, so much weaker than the waveform as the range says, in dB."""
    noise = torch.from_numpy(rng.standard_normal(len(waveform), dtype=np.float32))
    level = waveform.std(correction=0) * 10 ** (-float(rng.uniform(*snr)) / 20)
    return waveform + level * noise


def change_gain(waveform: Tensor, rng: np.random.Generator, *, decibels: Range) -> Tensor:
    """Make it louder or softer, and clip what leaves full scale."""
    # A network that normalises its input undoes the gain; what it learns from is the clipping.
    return (waveform * 10 ** (float(rng.uniform(*decibels)) / 20)).clamp(-1, 1)


def mask(waveform: Tensor, rng: np.random.Generator, *, count: int, seconds: float) -> Tensor:
    """Set up to *count* stretches of up to *seconds* to zero, in whole steps of a frame.

    SpecAugment (Park et al., arXiv:1904.08779) masks time in the features; here the samples are
    masked that the frames read, so that the network needs no change.
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
    """Return the settings that augment, in words for a model card."""
    settings = {
        "speed": recipe.speed and f"tempo times {recipe.speed[0]:g} to {recipe.speed[1]:g}",
        "crop": recipe.crop and f"{recipe.crop[0]:.0%} to {recipe.crop[1]:.0%} of a turn",
        "tilt": recipe.tilt and f"spectral tilt up to {recipe.tilt:g}",
        "noise": recipe.noise and f"noise at {recipe.noise[0]:g} to {recipe.noise[1]:g} dB",
        "gain": recipe.gain and f"gain of {recipe.gain[0]:g} to {recipe.gain[1]:g} dB, clipped",
        "masks": recipe.masks and f"up to {recipe.masks} masks of {recipe.mask_seconds:g} s",
    }
    return [text for text in settings.values() if text]
