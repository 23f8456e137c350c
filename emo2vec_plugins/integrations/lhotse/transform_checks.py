"""Checks of the transforms of recordings and mixed cuts.

Lhotse does any work that a transform in a manifest asks for: one number may cost gigabytes. What a
transform costs because of the audio is checked when it is applied, in `transforms`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emo2vec_plugins.audio import LEAST_RATE, MOST_RATE
from emo2vec_plugins.integrations.lhotse.conditions import (
    DECIBELS,
    TEXT,
    Check,
    Checked,
    are_channels,
    is_number,
    is_whole,
)

MOST_VALUES = 2**27
"""Samples times channels of audio that is in memory as a whole, at most (0.5 GB)."""

MOST_TRACKS = 4 * MOST_VALUES
"""Samples times channels of all tracks of a mixture at most (2 GB)."""

MOST_TRANSFORMS = 16
"""Transforms of one recording or mixed cut at most."""

MOST_FACTOR = 10
"""Largest factor of speed or tempo; the smallest is its inverse."""

MOST_FILTER = 2**22
"""Values of a resampling filter of Lhotse at most (16 MB), because Lhotse keeps all of them."""

MOST_RESPONSE = 2**23
"""Samples of an impulse response at most, of all its channels; while it is generated, 64 times finer."""

MOST_CHANNELS = 64
"""Channels of an impulse response at most."""

MOST_TAPS = 200
"""Complex values for each sample in the dereverberation: taps times frames over a sample."""

_ROLLOFF, _ZERO_CROSSINGS, _OVERSAMPLING = 0.99, 6, 64
"""Of Lhotse's resampling filter, and of its generator of impulse responses."""

_FLAG: Check = (
    # Numbers and NumPy's truth values, too, but not arrays.
    lambda v: getattr(v, "ndim", 0) == 0 and v in (True, False, None),
    "true or false",
)
_NUMBER: Check = (lambda v: is_number(v) and math.isfinite(v), "a number")
_SEED: Check = (lambda v: v is None or (is_whole(v) and v >= 0), "a seed: a whole number")
_COUNT: Check = (lambda v: is_whole(v) and 1 <= v <= 2**16, "a whole number from 1 to 65,536")
_FEW: Check = (lambda v: is_whole(v) and 1 <= v <= 20, "a whole number from 1 to 20")
_SHARE: Check = (lambda v: is_number(v) and 0 <= v <= 1, "a number from 0 to 1")
_MAKER: Check = (lambda v: v is None or isinstance(v, Mapping) or callable(v), "a generator")
_FACTOR: Check = (
    lambda v: is_number(v) and 1 / MOST_FACTOR <= v <= MOST_FACTOR,
    f"a factor from {1 / MOST_FACTOR} to {MOST_FACTOR}",
)
_RATE: Check = (
    lambda v: is_number(v) and LEAST_RATE <= v <= MOST_RATE and v == int(v),
    f"a sampling rate from {LEAST_RATE:,} to {MOST_RATE:,} Hz",
)
_TO_TELEPHONE: Check = (
    lambda v: _RATE[0](v) and filter_size(int(v), 8_000) <= MOST_FILTER,
    f"a sampling rate whose filter to 8,000 Hz has at most {MOST_FILTER:,} values",
)
_FEW_CHANNELS: Check = (
    lambda v: are_channels(v) and len(v) <= MOST_CHANNELS,
    f"a list of up to {MOST_CHANNELS} channel numbers",
)
_RANGE: Check = (
    lambda v: isinstance(v, list | tuple) and len(v) == 2 and all(map(is_whole, v)),
    "two whole numbers of milliseconds",
)


def _one_of(*names: str) -> Check:
    return (lambda v: isinstance(v, str) and v in names), f"one of {', '.join(names)}"


_ARGUMENTS: dict[str, dict[str, Check]] = {
    "Speed": {"factor": _FACTOR},
    "Tempo": {"factor": _FACTOR},
    "Volume": {"factor": _NUMBER},
    "Resample": {"source_sampling_rate": _RATE, "target_sampling_rate": _RATE},
    "Narrowband": {
        "codec": _one_of("lpc10", "mulaw"),
        "source_sampling_rate": _TO_TELEPHONE,
        "restore_orig_sr": _FLAG,
    },
    "LoudnessNormalization": {"target": DECIBELS},
    "Clipping": {"hard": _FLAG, "gain_db": DECIBELS, "normalize": _FLAG},
    "Compress": {
        "codec": _one_of("opus", "mp3", "vorbis", "gsm"),
        "compression_level": _SHARE,
    },
    "DereverbWPE": {
        "n_fft": _COUNT,
        "hop_length": _COUNT,
        "taps": _COUNT,
        "delay": _COUNT,
        "iterations": _FEW,
        "statistics_mode": TEXT,
    },
    "ReverbWithImpulseResponse": {
        "normalize_output": _FLAG,
        "early_only": _FLAG,
        "rir_channels": _FEW_CHANNELS,
        "rir_generator": _MAKER,
    },
}
_GENERATOR = "FastRandomRIRGenerator"
"""Lhotse's own generator; others are the user's functions."""

_OF_GENERATOR: dict[str, Check] = {
    "sr": _RATE,
    "direct_range": _RANGE,
    "max_T60": _NUMBER,
    **dict.fromkeys(("alpha", "a", "b", "tau"), _NUMBER),
    **dict.fromkeys(("room_seed", "source_seed"), _SEED),
}
_GENERATED: Check = (
    lambda g: 0.1 <= g["max_T60"] <= MOST_RESPONSE / _OVERSAMPLING / g["sr"],
    f"max_T60 from 0.1 s up to a response of {MOST_RESPONSE // _OVERSAMPLING:,} samples",
)
_DEREVERBERATION: Check = (
    lambda w: w["taps"] * w["n_fft"] <= MOST_TAPS * w["hop_length"],
    f"taps * n_fft / hop_length up to {MOST_TAPS}",
)
_HAS_RESPONSE: Check = (
    lambda r: r.get("rir") is not None or r.get("rir_generator") is not None,
    "a rir or a rir_generator",
)
_DESCRIBED: Check = (
    lambda v: isinstance(v, Mapping) and "name" in v and isinstance(v.get("kwargs"), Mapping),
    "an object with name and kwargs",
)
_CHAIN: Check = (
    lambda v: v is None or (isinstance(v, list | tuple) and len(v) <= MOST_TRANSFORMS),
    f"a list of at most {MOST_TRANSFORMS} transforms",
)


def values_of_transforms(transforms: Any) -> Iterator[Checked]:
    """Yield the values of transforms and their conditions, without those of nested recordings.

    Args:
        transforms: Lhotse's transforms, or objects of a manifest that describe them. Transforms
            that are not Lhotse's are the user's own code.
    """
    yield "transforms", transforms, _CHAIN
    for index, transform in enumerate(transforms or ()):
        at = f"transform {index}"
        if not hasattr(transform, "reverse_timestamps"):  # no object of Lhotse
            yield at, transform, _DESCRIBED
            yield f"{at}, name", transform["name"], _one_of(*_known())
        name, arguments = name_of(transform), arguments_of(transform)
        at = f"{at}, {name}"
        for key, check in _ARGUMENTS.get(name, {}).items():
            if key in arguments:
                yield f"{at}, {key}", arguments[key], check
        if name == "DereverbWPE":
            whole = {"n_fft": 512, "hop_length": 128, "taps": 10} | arguments
            yield at, whole, _DEREVERBERATION
        if name == "ReverbWithImpulseResponse":
            yield at, arguments, _HAS_RESPONSE
        generator = arguments.get("rir_generator")
        if isinstance(generator, Mapping) or type(generator).__name__ == _GENERATOR:
            yield from _values_of_generator(generator, f"{at}, rir_generator")


def name_of(transform: Any) -> str:
    """Return the name of a transform."""
    if isinstance(transform, Mapping):
        return str(transform["name"])
    return type(transform).__name__


def arguments_of(transform: Any) -> dict[str, Any]:
    """Return the arguments of a transform by their names; the default ones may be missing."""
    if isinstance(transform, Mapping):
        return dict(transform["kwargs"])
    return dict(getattr(transform, "__dict__", {}))


def filter_size(rate: int, target: int) -> int:
    """Return the number of values in Lhotse's filter from one rate to another."""
    divisor = math.gcd(rate, target)
    rate, target = rate // divisor, target // divisor
    reach = math.ceil(_ZERO_CROSSINGS * rate / (min(rate, target) * _ROLLOFF))
    return target * (2 * reach + rate)


def _known() -> Iterable[str]:
    """Return the names of Lhotse's transforms, and of those that the user added."""
    from lhotse.augmentation import AudioTransform

    return tuple(AudioTransform.KNOWN_TRANSFORMS)


def _values_of_generator(generator: Any, at: str) -> Iterator[Checked]:
    given = dict(generator) if isinstance(generator, Mapping) else vars(generator)
    for key, check in _OF_GENERATOR.items():
        if key in given:
            yield f"{at}, {key}", given[key], check
    yield at, {"sr": 16_000, "max_T60": 0.8} | given, _GENERATED
