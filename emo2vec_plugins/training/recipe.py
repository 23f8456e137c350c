"""The settings of a training run.

A recipe is read from plain YAML, stored in checkpoints and model cards, and compared when a run is
resumed. It does not describe the training data or how they are split.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import did_you_mean, shown
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import read_yaml

Range = tuple[float, float]
"""Lowest and highest value."""

TUNES = ("head", "top", "all", "new")
SCHEDULES = ("one-cycle", "cosine", "constant")
FRONT_ENDS = ("random", "filter-bank")
PRECISIONS = ("float32", "bfloat16", "float16")

RATES = {"head": 1e-2, "top": 1e-4, "all": 3e-5, "new": 1.5e-3}
"""Default of the highest learning rate for each kind of training."""


def _checked_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise OptionsError(f"{name} must be true or false, got {shown(value)}")
    return value


def _checked_text(name: str, value: Any, *, among: tuple[str, ...]) -> str:
    if not isinstance(value, str) or not value or (among and value not in among):
        expected = f"one of {', '.join(among)}" if among else "a name"
        raise OptionsError(f"{name} must be {expected}, got {shown(value)}")
    return value


def _checked_range(name: str, value: Any, *, least: float, most: float) -> Range | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise OptionsError(f"{name} must be null or a list [lowest, highest], got {shown(value)}")
    low, high = (_checked_number(name, each, least=least, most=most) for each in value)
    if low > high:
        raise OptionsError(f"{name} must be a list [lowest, highest], got {list(value)}")
    return low, high


def _checked_number(
    name: str, value: Any, *, least: float, most: float, whole: bool = False, null: bool = False
) -> Any:
    if null and value is None:
        return None
    if isinstance(value, str):  # PyYAML reads 1e-3, without a dot, as a string
        with suppress(ValueError):
            value = float(value)
    # True is an int in Python, but not a valid number in a recipe.
    is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        what = "a whole number" if whole else "a number"
        bound = "" if most == math.inf else f" and at most {most:g}"
        none = ", or null" if null else ""
        expected = f"{what} of at least {least:g}{bound}{none}"
        raise OptionsError(f"{name} must be {expected}, got {shown(value)}")
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
    """The settings of a training run.

    Attributes:
        tune: What is trained: ``head``, a new head on frozen embeddings; ``top``, the head and the
            last *blocks* blocks; ``all``, everything; ``new``, a new network from scratch.
        blocks: With ``top``, the number of blocks, counted from the head. The blocks of the context
            encoder are counted last.
        network: With ``new``, the shape of the network: ``tiny`` for that of the embedded model, or
            the path of a ``config.yaml`` in the published form, relative to the recipe's file.
        reuse_head: Copy the rows of labels that the base model has from its head.
        epochs: Largest number of passes over the training data.
        seed: Seed of all random choices: weights, order, augmentation.
        batch_seconds: Most audio in a batch. Batches are packed, never padded.
        batch_turns: Most turns in a batch.
        max_seconds: Longest stretch of a turn that is trained on. Of a longer turn, a different
            stretch is used each time.
        balance: Draw every label equally often. The length of an epoch does not change.
        class_weights: Weight errors by the rarity of the label; an alternative to *balance*.
        learning_rate: Highest learning rate; None for the value of *tune* in `RATES`.
        head_factor: Factor of the head's learning rate, with ``top`` and ``all``.
        schedule: ``one-cycle`` and ``cosine`` rise during *warmup* and fall like a cosine, the
            first to almost zero, the second to a tenth; ``constant`` rises and stays.
        warmup: Share of the training in which the learning rate rises.
        weight_decay: Weight decay of AdamW.
        clip_norm: Largest norm of the gradient; longer ones are scaled down. None for no limit.
        label_smoothing: Share of the target that is divided among all labels.
        dropout: Share of the embedding that is dropped before the head.
        front_end: With ``new``: ``random``, or ``filter-bank``, which computes log energies in
            frequency bands and is not trained (`emo2vec_plugins.training.filter_bank`).
        average: Evaluate and save a moving average of the weights over about this many steps; None
            for no averaging. An average is more stable (Polyak and Juditsky, 1992).
        precision: ``bfloat16`` and ``float16`` are used for operations in which they are safe; the
            weights stay float32.
        patience: Number of epochs without improvement on the development turns after which training
            stops; None for no limit. The weights of the best epoch are saved.
        monitor: How epochs are compared: by the highest ``ua`` (unweighted average recall), or by
            the lowest ``loss``.
        noise: Range of the signal-to-noise ratio of added white noise, in dB.
        gain: Range of the amplification, in dB. Samples beyond full scale are clipped. A network
            that normalises its input only notices the clipping.
        speed: Range of the tempo factor. Pitch and formants change with it, and both carry emotion.
        crop: Range of the share of a turn that is kept, as one stretch.
        tilt: Strongest tilt of the spectrum in either direction: ``x[t] - a x[t-1]`` with ``|a|``
            up to this.
        masks: Largest number of stretches of frames that are silenced in each turn.
        mask_seconds: Longest of these stretches, in seconds.

    Raises:
        OptionsError: If a value is invalid, or two values contradict each other.
    """

    tune: str = _text("head", *TUNES)
    blocks: int = _number(2, 1)
    network: str = _text("tiny")
    reuse_head: bool = _flag(True)
    epochs: int = _number(30, 1)
    seed: int = _number(0, 0, 2**32 - 1)
    batch_seconds: float = _number(60.0, 0.025)
    batch_turns: int = _number(64, 1)
    max_seconds: float = _number(30.0, 0.025, 1e6)
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
    masks: int = _number(0, 0, 1000)
    mask_seconds: float = _number(0.2, 0.02, 1e6)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = each.metadata["check"](each.name, getattr(self, each.name))
            object.__setattr__(self, each.name, value)  # the class is frozen
        if self.balance and self.class_weights:
            both = "balance and class_weights both give rare classes more weight"
            raise OptionsError(f"{both}; set one of them to false")
        defaults = {each.name: each.default for each in fields(self)}
        changed = [name for name in NOT_FOR_HEAD if getattr(self, name) != defaults[name]]
        if self.tune == "head" and changed:
            why = "with tune: head, which computes embeddings only once; use top, all or new"
            raise OptionsError(f"{', '.join(changed)} cannot be used {why}")
        if self.tune != "new" and self.front_end != "random":
            raise OptionsError(
                f"front_end: {self.front_end} needs tune: new, got {self.tune}; "
                "a trained network keeps its front end"
            )

    @property
    def peak_rate(self) -> float:
        """The highest learning rate."""
        return RATES[self.tune] if self.learning_rate is None else self.learning_rate

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as YAML and JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Return the recipe with the fields of a mapping; others have their defaults.

        Raises:
            OptionsError: If a key is not a field, or a value has the wrong type.
        """
        known = [each.name for each in fields(cls)]
        unknown = [str(name) for name in values if name not in known]
        if unknown:
            listed = ", ".join(f"{name}{did_you_mean(name, known)}" for name in unknown)
            raise OptionsError(f"unknown recipe field {listed}; the fields are {', '.join(known)}")
        return cls(**values)

    def but(self, changes: Mapping[str, Any]) -> Recipe:
        """Return a copy with some fields changed.

        Raises:
            OptionsError: As `from_dict` does.
        """
        return self.from_dict(self.to_dict() | dict(changes))

    @property
    def augments(self) -> bool:
        """Whether turns are augmented in training."""
        return bool(self.noise or self.gain or self.speed or self.crop or self.tilt or self.masks)


NOT_FOR_HEAD = ("noise", "gain", "speed", "crop", "tilt", "masks")
"""Settings that require running the network in every epoch."""


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a YAML file; a path in ``network`` is relative to the file.

    Raises:
        OptionsError: If the file is not a mapping of a recipe's fields.
        OSError: If the file cannot be read.
    """
    expected = "a mapping of a recipe's fields, such as 'epochs: 30'"
    recipe = read_yaml(Path(path), Recipe.from_dict, expected=expected, wrong=OptionsError)
    if recipe.network == "tiny":
        return recipe
    return replace(recipe, network=str(Path(path).parent / recipe.network))
