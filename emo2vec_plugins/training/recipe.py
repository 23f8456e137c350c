"""All settings of a training run, in one value that travels with the model.

A recipe is data: it is read from plain YAML, written into checkpoints and model cards, and
compared when a run is resumed. What it does not hold is the data and how they are split.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import did_you_mean, read_yaml
from emo2vec_plugins.errors import OptionsError

Range = tuple[float, float]
"""Least and most."""

TUNES = ("head", "top", "all", "new")
SCHEDULES = ("one-cycle", "cosine", "constant")
FRONT_ENDS = ("random", "filter-bank")
PRECISIONS = ("float32", "bfloat16", "float16")

RATES = {"head": 1e-2, "top": 1e-4, "all": 3e-5, "new": 1.5e-3}
"""Highest learning rate for each kind of training, unless the recipe says another."""


def _checked_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise OptionsError(f"{name} is true or false, got {value!r}")
    return value


def _checked_text(name: str, value: Any, *, among: tuple[str, ...]) -> str:
    if not isinstance(value, str) or not value or (among and value not in among):
        expected = f"one of {', '.join(among)}" if among else "a name"
        raise OptionsError(f"{name} is {expected}, got {value!r}")
    return value


def _checked_range(name: str, value: Any, *, least: float, most: float) -> Range | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise OptionsError(f"{name} is a list of least and most, or null, got {value!r}")
    low, high = (_checked_number(name, each, least=least, most=most) for each in value)
    if low > high:
        raise OptionsError(f"{name} is a list of least and most, got {list(value)}")
    return low, high


def _checked_number(
    name: str, value: Any, *, least: float, most: float, whole: bool = False, null: bool = False
) -> Any:
    if null and value is None:
        return None
    if isinstance(value, str):  # PyYAML reads 1e-3, without a dot, as a string
        with suppress(ValueError):
            value = float(value)
    # In Python, True is an int; in a recipe it is a mistake.
    is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        what = "a whole number" if whole else "a number"
        bound = "" if most == math.inf else f" and at most {most:g}"
        none = ", or null" if null else ""
        raise OptionsError(f"{name} is {what} of at least {least:g}{bound}{none}, got {value!r}")
    return value if whole else float(value)


def _field(check: Callable[..., Any], default: Any, **limits: Any) -> Any:
    return field(default=default, metadata={"check": partial(check, **limits)})


def _flag(default: bool) -> Any:
    return _field(_checked_flag, default)


def _text(default: str, *among: str) -> Any:
    return _field(_checked_text, default, among=among)


def _number(
    default: Any, least: float, most: float = math.inf, *, whole: bool = False, null: bool = False
) -> Any:
    whole, null = whole or isinstance(default, int), null or default is None
    return _field(_checked_number, default, least=least, most=most, whole=whole, null=null)


def _range(least: float, most: float) -> Any:
    return _field(_checked_range, None, least=least, most=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is trained.

    Attributes:
        tune: What is trained: ``head``, a new head on frozen embeddings; ``top``, the head and the
            last *blocks* blocks; ``all``, everything; ``new``, everything, from nothing.
        blocks: Of ``top``, counted from the head; those of the context encoder come last.
        network: Of ``new``: ``tiny`` for the shape of the embedded model, or the path of a
            ``config.yaml`` in the published form, relative to the recipe's file.
        reuse_head: Start the rows of labels that the model knows from its own.
        epochs: How often the training data are gone through, at most.
        seed: Of everything that is drawn: weights, order, augmentation.
        batch_seconds: Most audio in a batch, which is packed, never padded.
        batch_turns: Most turns in a batch.
        max_seconds: Of a longer turn a stretch of this length is trained on, another each time.
        balance: Draw every label equally often. An epoch has as many turns either way.
        class_weights: Weigh an error by how rare its label is; instead of *balance*.
        learning_rate: The highest; None for that of *tune* in `RATES`.
        head_factor: How many times faster the head learns than the rest, with ``top`` and
            ``all``.
        schedule: ``one-cycle`` and ``cosine`` rise for *warmup* and fall as a cosine does, the
            first to nothing, the second to a tenth; ``constant`` rises and stays.
        warmup: Share of the training in which the learning rate rises.
        weight_decay: AdamW's.
        clip_norm: Longer gradients are cut to this length; None for never.
        label_smoothing: Share of the target that all labels divide among them.
        dropout: Share of the embedding that is dropped before the head.
        front_end: Of ``new``: ``random``, or ``filter-bank``, which computes log energies in bands of
            frequency before any training, and is not trained
            (`emo2vec_plugins.training.filter_bank`).
        average: Evaluate and save a moving average of the weights, over about this many steps; None
            for the weights as they are. It is steadier (Polyak and Juditsky, 1992).
        precision: ``bfloat16`` and ``float16`` compute so where that is safe, and keep weights
            in float32.
        patience: Epochs without a better result on the development turns before training stops;
            None for never. The best epoch's weights are what is saved.
        monitor: What is better: a higher ``ua`` (unweighted average recall), or a lower
            ``loss``.
        noise: Range of the signal-to-noise ratio of added white noise, in dB.
        gain: Range of amplification in dB; what leaves full scale is clipped. Without clipping
            a network that normalises its input gets the same.
        speed: Range of tempo. It moves pitch and formants with it, and both carry emotion.
        crop: Range of the share of a turn that is kept, one stretch of it.
        tilt: Most that the spectrum is tilted either way, ``x[t] - a x[t-1]`` with ``|a|`` up
            to this.
        masks: Stretches of frames that are silenced in each turn, at most.
        mask_seconds: Longest of these stretches.

    Raises:
        OptionsError: If a value is none of those that exist, or two contradict each other.
    """

    tune: str = _text("head", *TUNES)
    blocks: int = _number(2, 1)
    network: str = _text("tiny")
    reuse_head: bool = _flag(True)
    epochs: int = _number(30, 1)
    seed: int = _number(0, 0, 2**32 - 1)
    batch_seconds: float = _number(60.0, 0.025)
    batch_turns: int = _number(64, 1)
    max_seconds: float = _number(30.0, 0.025)
    balance: bool = _flag(True)
    class_weights: bool = _flag(False)
    learning_rate: float | None = _number(None, 1e-9, 10.0)
    head_factor: float = _number(10.0, 1e-6, 1e6)
    schedule: str = _text("one-cycle", *SCHEDULES)
    warmup: float = _number(0.05, 0.0, 1.0)
    weight_decay: float = _number(0.05, 0.0)
    clip_norm: float | None = _number(1.0, 1e-9, null=True)
    label_smoothing: float = _number(0.1, 0.0, 0.99)
    dropout: float = _number(0.0, 0.0, 0.99)
    front_end: str = _text("random", *FRONT_ENDS)
    average: int | None = _number(None, 2, whole=True)
    precision: str = _text("float32", *PRECISIONS)
    patience: int | None = _number(None, 1, whole=True)
    monitor: str = _text("ua", "ua", "loss")
    noise: tuple[float, float] | None = _range(-100.0, 200.0)
    gain: tuple[float, float] | None = _range(-100.0, 100.0)
    speed: tuple[float, float] | None = _range(0.5, 2.0)
    crop: tuple[float, float] | None = _range(0.01, 1.0)
    tilt: float = _number(0.0, 0.0, 0.99)
    masks: int = _number(0, 0)
    mask_seconds: float = _number(0.2, 0.02)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = each.metadata["check"](each.name, getattr(self, each.name))
            object.__setattr__(self, each.name, value)  # the class is frozen
        if self.balance and self.class_weights:
            both = "balance draws rare classes more often and class_weights counts them more"
            raise OptionsError(f"{both}: set one of them to false")
        defaults = {each.name: each.default for each in fields(self)}
        changed = [name for name in NOT_FOR_HEAD if getattr(self, name) != defaults[name]]
        if self.tune == "head" and changed:
            why = "not with tune: head, whose embeddings are computed once; use top, all or new"
            raise OptionsError(f"{', '.join(changed)}: {why}")
        if self.tune != "new" and self.front_end != "random":
            raise OptionsError("front_end is for tune: new; a trained network has its own")

    @property
    def peak_rate(self) -> float:
        """The highest learning rate."""
        return RATES[self.tune] if self.learning_rate is None else self.learning_rate

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as values that YAML and JSON have."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Return the recipe that a mapping describes.

        Raises:
            OptionsError: If a key is no field, or a value is of another kind than its field.
        """
        known = [each.name for each in fields(cls)]
        unknown = [str(name) for name in values if name not in known]
        if unknown:
            asked = ", ".join(f"{name}{did_you_mean(name, known)}" for name in unknown)
            raise OptionsError(f"a recipe has no {asked}; it has {', '.join(known)}")
        return cls(**values)

    def but(self, changes: Mapping[str, Any]) -> Recipe:
        """Return a copy with some fields changed.

        Raises:
            OptionsError: As `from_dict` does.
        """
        return self.from_dict(self.to_dict() | dict(changes))

    @property
    def augments(self) -> bool:
        """Whether turns are changed before they are trained on."""
        return bool(self.noise or self.gain or self.speed or self.crop or self.tilt or self.masks)


NOT_FOR_HEAD = ("noise", "gain", "speed", "crop", "tilt", "masks")
"""Settings that need the network to be run in every epoch."""


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a YAML file; its ``network``, if a path, is relative to the file.

    Raises:
        OptionsError: If it is no mapping of a recipe's fields.
        OSError: If it cannot be read.
    """
    expected = "a mapping of a recipe's fields, such as 'epochs: 30'"
    recipe = read_yaml(Path(path), Recipe.from_dict, expected=expected, wrong=OptionsError)
    if recipe.network == "tiny":
        return recipe
    return replace(recipe, network=str(Path(path).parent / recipe.network))
