"""Augmentation: random changes of waveforms, so that a network cannot memorise them.

Each augmentation is a pure function of a waveform and a random generator. An `Augmenter` applies
those of a recipe, in the order in which such changes occur between a mouth and a file. Masks come
last, after normalisation, when the mean is zero.

Two augmentations can change the emotion itself. Speed changes tempo, pitch and formants together,
and fast, high speech signals high arousal; so does a shift of the pitch. A strong tilt changes voice
quality: a pressed voice has a flatter spectrum than a breathy one. The others only hide information.
All augmentations are off by default.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.core import FloatArray, Permissions
from emo2vec_plugins.engine import EPSILON
from emo2vec_plugins.training.augment.codecs import encode
from emo2vec_plugins.training.augment.filters import cut_highs, cut_lows, equalize, tilt
from emo2vec_plugins.training.augment.noise import (
    Draw,
    add_noise,
    add_silence,
    add_sound,
    babble_of,
    dither,
)
from emo2vec_plugins.training.augment.pitch import shift_pitch
from emo2vec_plugins.training.augment.rooms import Rooms
from emo2vec_plugins.training.augment.shapes import change_gain, change_speed, clip, crop, mask
from emo2vec_plugins.training.augment.sounds import Sounds
from emo2vec_plugins.training.kept import Memory
from emo2vec_plugins.training.recipe import Recipe

Augmentation = Callable[[FloatArray, np.random.Generator], FloatArray]
"""A function from a waveform of shape (samples,) to a new one of at least one frame."""


class Augmenter:
    """Augments waveforms by a recipe, and normalises them for a network.

    Args:
        recipe: Determines the augmentations.
        normalize: Whether the network expects zero mean and unit variance.
        turns: Draws a stretch of a random turn, for babble.
        permissions: What reading the recipe's sounds may do; by default, read local files.
        memory: Where to keep these sounds; by default, as much memory as a training has.

    Raises:
        MissingExtraError: If the recipe has rooms and pyroomacoustics is not installed.
        OptionsError: If the recipe's sounds are not a folder with recordings, or a manifest.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        normalize: bool,
        turns: Draw,
        permissions: Permissions | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._normalize = normalize
        by_name = augmentations(recipe, turns, permissions or Permissions(), memory)
        self._masks = by_name.pop("masks", _unchanged)
        self._augmentations = tuple(by_name.values())

    def __call__(self, waveform: FloatArray, rng: np.random.Generator | None) -> Tensor:
        """Augment and normalise a waveform.

        Args:
            waveform: Float32, shape (samples,), as recorded.
            rng: None for no augmentation, as in the engine.

        Raises:
            AudioError: If a sound or a turn that is added cannot be read.
        """
        if rng is None:
            return self._normalized(waveform)
        for augmentation in self._augmentations:
            waveform = augmentation(waveform, rng)
        return torch.from_numpy(self._masks(self._normalized(waveform).numpy(), rng))

    def _normalized(self, waveform: FloatArray) -> Tensor:
        tensor = torch.from_numpy(waveform)
        return F.layer_norm(tensor, tensor.shape, eps=EPSILON) if self._normalize else tensor


def augmentations(
    recipe: Recipe, turns: Draw, permissions: Permissions, memory: Memory | None = None
) -> dict[str, Augmentation]:
    """Return the augmentations of a recipe by their fields, in the order of `AUGMENTATIONS`."""
    snr, longest = recipe.sounds_snr, recipe.mask_seconds
    by_name: dict[str, Any] = {
        "speed": recipe.speed and partial(change_speed, tempo=recipe.speed),
        "pitch": recipe.pitch and partial(shift_pitch, semitones=recipe.pitch),
        "crop": recipe.crop and partial(crop, share=recipe.crop, seconds=recipe.crop_seconds),
        "silence": recipe.silence and partial(add_silence, seconds=recipe.silence),
        "tilt": recipe.tilt and partial(tilt, most=recipe.tilt),
        "rooms": recipe.rooms and Rooms(recipe.rooms, seed=recipe.seed).add_room,
        "sounds": recipe.sounds
        and partial(
            add_sound, snr=snr, draw=Sounds(Path(recipe.sounds), permissions, memory=memory).draw
        ),
        "babble": recipe.babble and partial(add_sound, snr=recipe.babble, draw=babble_of(turns)),
        "noise": recipe.noise
        and partial(add_noise, snr=recipe.noise, colours=recipe.noise_colours),
        "low_cut": recipe.low_cut and partial(cut_lows, hertz=recipe.low_cut),
        "high_cut": recipe.high_cut and partial(cut_highs, hertz=recipe.high_cut),
        "equalizer": recipe.equalizer and partial(equalize, most=recipe.equalizer),
        "gain": recipe.gain and partial(change_gain, decibels=recipe.gain),
        "clip": recipe.clip and partial(clip, percentile=recipe.clip),
        "codecs": recipe.codecs and partial(encode, codecs=recipe.codecs),
        "dither": recipe.dither and partial(dither, decibels=recipe.dither),
        "masks": recipe.masks and partial(mask, count=recipe.masks, seconds=longest),
    }
    return {
        name: sometimes(by_name[name], chance=recipe.chance.get(name, 1.0))
        for name in recipe.augments
    }


def sometimes(augmentation: Augmentation, *, chance: float) -> Augmentation:
    """Return an augmentation that changes only a share of the turns, drawn at random."""
    if chance == 1:  # no number is drawn, so that recipes without a chance stay as they are
        return augmentation
    return lambda waveform, rng: augmentation(waveform, rng) if rng.random() < chance else waveform


def _unchanged(waveform: FloatArray, _: np.random.Generator) -> FloatArray:
    return waveform
