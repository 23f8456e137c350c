"""The settings of a training run.

A recipe is read from plain YAML, stored in checkpoints and model cards, and compared when a run is
resumed. It does not describe the training data or how they are split.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import EMOTIONS, did_you_mean
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import read_yaml
from emo2vec_plugins.training.recipe_fields import (
    flag_field,
    names_field,
    number_field,
    range_field,
    shares_field,
    text_field,
    weights_field,
)

TUNES = ("head", "top", "all", "new")
SCHEDULES = ("one-cycle", "cosine", "constant")
FRONT_ENDS = ("random", "filter-bank")
STARTS = ("random", "statistics")
PRECISIONS = ("float32", "bfloat16", "float16")
COLOURS = ("white", "pink", "brown")
CODECS = ("gsm", "mu-law", "a-law", "opus", "opus-8", "mp3", "mp3-16")

AUGMENTATIONS = (
    *("speed", "pitch", "crop", "silence", "tilt", "rooms", "sounds", "babble", "noise"),
    *("low_cut", "high_cut", "equalizer", "gain", "clip", "codecs", "dither", "masks"),
)
"""Fields that enable an augmentation, in the order in which such changes occur between a mouth and a
file."""

SETTINGS = {
    "crop_seconds": "crop",
    "sounds_snr": "sounds",
    "noise_colours": "noise",
    "mask_seconds": "masks",
}
"""Fields that only set an augmentation, and the fields that enable it."""

RATES = {"head": 1e-2, "top": 1e-4, "all": 3e-5, "new": 1.5e-3}
"""Default of the highest learning rate for each kind of training."""


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
        batch_seconds: Most audio in a batch, with *silence*, and at the lowest *speed*. Batches are
            packed, never padded. A turn that is longer is a batch of its own.
        batch_turns: Most turns in a batch.
        max_seconds: Longest stretch of a turn that is trained on. Of a longer turn, a different
            stretch is used each time.
        balance: Draw every label equally often. The length of an epoch does not change.
        class_weights: Weight errors by the rarity of the label; an alternative to *balance*.
        prior: How often each label occurs where the model will be used, relative to the others, such
            as ``{angry: 1, neutral: 1, sad: 0.5}`` (`emo2vec_plugins.training.prior`). Empty for the
            shares as they are drawn.
        shares: Share of each corpus among the turns of an epoch, such as ``{emodb: 0.7, calls: 0.3}``.
            If a corpus is left out of training, the others share the rest in proportion.
            With *balance*, the labels of each corpus are drawn equally often. A supervision names
            its corpus in the custom field ``corpus``. Empty to draw from all turns alike.
        own_head: Corpora that train a head of their own, which the model does not keep: they shape
            its embeddings, but not its classes (`emo2vec_plugins.training.heads`). Their turns are for
            training only.
        votes: Custom field of the supervisions with a number of votes for each label, or another
            weight, such as the scores of a better model. The network learns their shares instead of
            one label. Turns without the field keep their label. None to use labels only.
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
        start: With a filter bank: ``random`` first weights, or ``statistics``, with which the network
            reads a turn as statistics of its loud frames
            (`emo2vec_plugins.training.statistics_start`).
        average: Evaluate and save a moving average of the weights over about this many steps; None
            for no averaging. An average is more stable (Polyak and Juditsky, 1992).
        precision: ``bfloat16`` and ``float16`` are used for operations in which they are safe; the
            weights stay float32.
        patience: Number of epochs without improvement on the development turns after which training
            stops; None for no limit. The weights of the best epoch are saved.
        monitor: How epochs are compared: by the highest ``ua`` (unweighted average recall), or by
            the lowest ``loss``.
        speed: Range of the tempo factor. Pitch and formants change with it, and both carry emotion.
        pitch: Range of the shift of pitch and formants, in semitones. The tempo does not change.
        crop: Range of the share of a turn that is kept, as one stretch.
        crop_seconds: Shortest stretch that a crop keeps, in seconds.
        silence: Longest silence that is added before a turn, and after it, in seconds. It is noise
            40 to 70 dB softer than the turn.
        tilt: Strongest tilt of the spectrum in either direction: ``x[t] - a x[t-1]`` with ``|a|``
            up to this.
        rooms: Range of the reverberation time RT60 of simulated rooms, in seconds.
        sounds: A folder of recordings, or a Lhotse manifest of cuts, to add to turns. The path is
            relative to the recipe's file. Of each recording, the first ten minutes are used.
        sounds_snr: Range of their signal-to-noise ratio, in dB. The signal is the speech without
            its pauses.
        babble: Range of the signal-to-noise ratio of three to eight other turns at once, in dB.
        noise: Range of the signal-to-noise ratio of added noise, in dB.
        noise_colours: Colours of this noise: some of ``white``, ``pink``, ``brown``.
        low_cut: Range of the frequency below which sound is attenuated, in Hz.
        high_cut: Range of the frequency above which sound is attenuated, in Hz.
        equalizer: Most by which a smooth random curve changes the spectrum, in dB.
        gain: Range of the amplification, in dB. Samples beyond full scale are clipped. A network
            that normalises its input only notices the clipping.
        clip: Range of the percentile of the speech's magnitude above which samples are clipped.
        codecs: Codecs that a turn goes through, one at a time: some of ``gsm``, ``mu-law`` and
            ``a-law`` at 8 kHz, ``opus`` at 6 to 16 and ``mp3`` at 9 to 32 kbit/s;
            ``opus-8`` and ``mp3-16`` at these bit rates only.
        dither: Range of the level of white noise relative to the speech, in dB. It hides digital
            zeros and the noise floor of codecs.
        masks: Largest number of stretches of frames that are silenced in each turn.
        mask_seconds: Longest of these stretches, in seconds.
        chance: Share of the turns that get an augmentation, by its field, such as
            ``{rooms: 0.5}``; 1 for the others.

    Raises:
        OptionsError: If a value is invalid, or two values contradict each other.
    """

    tune: str = text_field("head", *TUNES)
    blocks: int = number_field(2, 1)
    network: str = text_field("tiny")
    reuse_head: bool = flag_field(True)
    epochs: int = number_field(30, 1)
    seed: int = number_field(0, 0, 2**32 - 1)
    batch_seconds: float = number_field(60.0, 0.025)
    batch_turns: int = number_field(64, 1)
    max_seconds: float = number_field(30.0, 0.025, 1e6)
    balance: bool = flag_field(True)
    class_weights: bool = flag_field(False)
    prior: Mapping[str, float] = weights_field(*EMOTIONS)
    shares: Mapping[str, float] = shares_field()
    own_head: tuple[str, ...] = names_field(())
    votes: str | None = text_field(None)
    learning_rate: float | None = number_field(None, 1e-9, 10.0)
    head_factor: float = number_field(10.0, 1e-6, 1e6)
    schedule: str = text_field("one-cycle", *SCHEDULES)
    warmup: float = number_field(0.05, 0.0, 1.0)
    weight_decay: float = number_field(0.05, 0.0)
    clip_norm: float | None = number_field(1.0, 1e-9, null=True)
    label_smoothing: float = number_field(0.1, 0.0, 0.99)
    dropout: float = number_field(0.0, 0.0, 0.99)
    front_end: str = text_field("random", *FRONT_ENDS)
    start: str = text_field("random", *STARTS)
    average: int | None = number_field(None, 2, whole=True)
    precision: str = text_field("float32", *PRECISIONS)
    patience: int | None = number_field(None, 1, whole=True)
    monitor: str = text_field("ua", "ua", "loss")
    speed: tuple[float, float] | None = range_field(0.5, 2.0)
    pitch: tuple[float, float] | None = range_field(-12.0, 12.0)
    crop: tuple[float, float] | None = range_field(0.01, 1.0)
    crop_seconds: float = number_field(0.025, 0.025, 1e6)
    silence: float = number_field(0.0, 0.0, 10.0)
    tilt: float = number_field(0.0, 0.0, 0.99)
    rooms: tuple[float, float] | None = range_field(0.05, 1.5)
    sounds: str | None = text_field(None)
    sounds_snr: tuple[float, float] = range_field(-100.0, 200.0, (0.0, 25.0))
    babble: tuple[float, float] | None = range_field(-100.0, 200.0)
    noise: tuple[float, float] | None = range_field(-100.0, 200.0)
    noise_colours: tuple[str, ...] = names_field(("white",), *COLOURS)
    low_cut: tuple[float, float] | None = range_field(10.0, 8000.0)
    high_cut: tuple[float, float] | None = range_field(10.0, 8000.0)
    equalizer: float = number_field(0.0, 0.0, 60.0)
    gain: tuple[float, float] | None = range_field(-100.0, 100.0)
    clip: tuple[float, float] | None = range_field(1.0, 100.0)
    codecs: tuple[str, ...] = names_field((), *CODECS)
    dither: tuple[float, float] | None = range_field(-200.0, 0.0)
    masks: int = number_field(0, 0, 1000)
    mask_seconds: float = number_field(0.2, 0.02, 1e6)
    chance: Mapping[str, float] = shares_field(*AUGMENTATIONS)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = each.metadata["check"](each.name, getattr(self, each.name))
            object.__setattr__(self, each.name, value)  # the class is frozen
        if self.balance and self.class_weights:
            both = "balance and class_weights both give rare classes more weight"
            raise OptionsError(f"{both}; set one of them to false")
        if self.shares and not math.isclose(total := sum(self.shares.values()), 1, abs_tol=1e-3):
            raise OptionsError(f"shares must add up to 1, got {total:g}")
        if self.prior and self.class_weights:
            both = "prior and class_weights both correct for labels that are drawn more often"
            raise OptionsError(f"{both}; set only one of them")
        self._check_unused()
        if self.tune == "head" and self.augments:
            why = "with tune: head, which computes embeddings only once; use top, all or new"
            raise OptionsError(f"{', '.join(self.augments)} cannot be used {why}")
        if self.tune != "new" and self.front_end != "random":
            why = "a trained network keeps its front end"
            raise OptionsError(
                f"front_end: {self.front_end} needs tune: new, got {self.tune}; {why}"
            )
        if self.start == "statistics" and self.front_end != "filter-bank":
            needed = f"start: statistics needs front_end: filter-bank, got {self.front_end}"
            raise OptionsError(f"{needed}; its statistics are those of frequency bands")

    @property
    def peak_rate(self) -> float:
        """The highest learning rate."""
        return RATES[self.tune] if self.learning_rate is None else self.learning_rate

    def longest(self, seconds: float) -> float:
        """Return the most seconds that a turn of so many seconds may have in training."""
        slowest = self.speed[0] if self.speed else 1.0
        return min(seconds, self.max_seconds) / min(slowest, 1.0) + 2 * self.silence

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

    def without_augmentation(self) -> Recipe:
        """Return the recipe with all augmentations off, as turns are evaluated."""
        off = {*self.augments, *SETTINGS, "chance"}
        return self.from_dict({k: v for k, v in self.to_dict().items() if k not in off})

    def _check_unused(self) -> None:
        """Refuse settings of augmentations that are off, as they look as if they were on."""
        defaults = {each.name: each.default for each in fields(self)}
        unused = [
            name
            for name, augmentation in SETTINGS.items()
            if augmentation not in self.augments and getattr(self, name) != defaults[name]
        ]
        unused += [f"chance of {name}" for name in self.chance if name not in self.augments]
        if unused:
            raise OptionsError(
                f"{', '.join(unused)}: without effect, as the augmentation itself is off; the recipe "
                f"has {', '.join(self.augments) or 'no augmentation'}"
            )

    @property
    def augments(self) -> tuple[str, ...]:
        """The augmentations that are enabled, from `AUGMENTATIONS`."""
        return tuple(name for name in AUGMENTATIONS if getattr(self, name))


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a YAML file; paths in it are relative to the file.

    Raises:
        OptionsError: If the file is not a mapping of a recipe's fields.
        OSError: If the file cannot be read.
    """
    expected = "a mapping of a recipe's fields, such as 'epochs: 30'"
    recipe = read_yaml(Path(path), Recipe.from_dict, expected=expected, wrong=OptionsError)
    folder = Path(path).parent
    network = recipe.network if recipe.network == "tiny" else str(folder / recipe.network)
    sounds = recipe.sounds and str(folder / recipe.sounds)
    return replace(recipe, network=network, sounds=sounds)
