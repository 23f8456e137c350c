"""Descriptions of a recipe's augmentations, for people."""

from __future__ import annotations

from pathlib import PurePath

from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.recipe_fields import Range


def names(recipe: Recipe) -> list[str]:
    """Return descriptions of a recipe's augmentations, in order, for a model card."""
    texts = {
        "speed": f"tempo times {_range(recipe.speed)}",
        "pitch": f"pitch and formants shifted by {_range(recipe.pitch)} semitones",
        "crop": f"{_range(recipe.crop, '.0%')} of a turn, at least {recipe.crop_seconds:g} s",
        "silence": f"up to {recipe.silence:g} s of silence before and after a turn",
        "tilt": f"spectral tilt up to {recipe.tilt:g}",
        "rooms": f"simulated rooms with RT60 of {_range(recipe.rooms)} s",
        "sounds": f"recordings of {PurePath(recipe.sounds or '').name} at "
        f"{_range(recipe.sounds_snr)} dB",
        "babble": f"other turns as babble at {_range(recipe.babble)} dB",
        "noise": f"{' or '.join(recipe.noise_colours)} noise at {_range(recipe.noise)} dB",
        "low_cut": f"a low cut at {_range(recipe.low_cut)} Hz",
        "high_cut": f"a high cut at {_range(recipe.high_cut)} Hz",
        "equalizer": f"equalisation of up to {recipe.equalizer:g} dB",
        "gain": f"gain of {_range(recipe.gain)} dB, clipped",
        "clip": f"clipping at percentile {_range(recipe.clip)} of the speech",
        "codecs": f"one codec of {', '.join(recipe.codecs)}",
        "dither": f"dither at {_range(recipe.dither)} dB",
        "masks": f"up to {recipe.masks} masks of {recipe.mask_seconds:g} s",
    }
    return [texts[name] + _share(recipe.chance.get(name, 1.0)) for name in recipe.augments]


def _range(values: Range | None, form: str = "g") -> str:
    low, high = values or (0.0, 0.0)
    return f"{low:{form}} to {high:{form}}"


def _share(chance: float) -> str:
    return "" if chance == 1 else f" (for {chance:.0%} of the turns)"
