"""A front end that needs no training: log energies in frequency bands.

The convolutions of the published architecture can be *set* to compute a filter bank, the classic
first step of speech recognition. Their layer norms are an obstacle, as each scales the channels of
a frame to zero mean and unit variance. However, a norm adds an epsilon to the variance, so it is a
constant factor for inputs far smaller than the square root of epsilon. So signals are kept small.
Channels come in pairs of opposite sign, so that their mean is zero. The weights and biases of the
norms move levels and thresholds to the bend of the GELUs that follow. The four layers compute:

1. cosines and sines of one frequency per band, with both signs, in short windows; their GELUs add
   up to the magnitude;
2. the mean magnitude over a frame;
3. hinges, ``max(0, 1 - magnitude / threshold)``, at thresholds in a geometric sequence;
4. a weighted sum of the hinges, which approximates the logarithm, and its negative.

The GELUs of a pair lose no information: ``gelu(x) - gelu(-x) = x``. Nothing is computed from data,
so the front end is the same for every corpus. The weights are too small to be trained, and below
the range of float16.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.engine import HOP, RECEPTIVE
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.models import AudioEncoder, Config, ConvLayer

WINDOW, STEP = 240, 40
"""Length of a window, 15 ms, and distance between windows, in samples."""

WINDOWS = (RECEPTIVE - WINDOW) // STEP + 1
"""Number of windows in a frame."""

LOWEST, HIGHEST = 60.0, 7600.0
"""Centres of the first and the last band, in Hz."""

FLOOR, CEILING = 0.01, 30.0
"""Range of the logarithm's input. White noise of unit variance has magnitude 1 in every band."""

HINGES = 7
"""Number of thresholds. The error of the natural logarithm is at most 0.11, which is 1 dB."""

SHARPNESS = 3.0
"""Sharpness of a hinge: distance from magnitude zero to the bend of its GELU."""

MEAN, SPREAD = -2.3, 1.9
"""Approximate mean and spread of the log magnitudes of speech, over bands and frames."""

_FIXED = ("local_encoder.", "project_features.1.")
"""Prefixes of the names of the filter bank's tensors."""

_SMALL = 3e-5
"""Scale of the signals; the square root of the norms' epsilon is 3e-3."""

_LINEAR = 1e3
"""Gain at which a GELU is linear for every relevant magnitude."""


def layers(bands: int) -> tuple[ConvLayer, ...]:
    """Return the convolutions that `set_filter_bank` needs for a number of bands."""
    return (
        (4 * bands, WINDOW, STEP),
        (2 * bands, WINDOWS, HOP // STEP),
        ((HINGES + 1) * bands, 1, 1),
        (2 * bands, 1, 1),
    )


@torch.no_grad()
def set_filter_bank(encoder: AudioEncoder, conv_layers: tuple[ConvLayer, ...]) -> None:
    """Set the front end and the norm that follows it to a filter bank.

    The output of that norm is, for every band, the log magnitude in units of `SPREAD` around
    `MEAN`, followed by the negatives: shape (frames, 2 x bands).

    Raises:
        OptionsError: If the convolutions are not those of `layers`.
    """
    bands = conv_layers[-1][0] // 2
    if not _is_layout(conv_layers):
        raise OptionsError(
            "front_end: filter-bank needs a matching feature_encoder_spec, for example, with "
            f"{bands} bands, {list(layers(bands))}; got {list(conv_layers)}"
        )
    stages = [cast(nn.Sequential, layer) for layer in encoder.local_encoder.conv_layers]
    magnitude, mean, hinges, logarithm = stages
    cosines, sines = filters(bands)
    rise = 2 / FLOOR  # from here on, a GELU is linear at the precision of the floor
    _set(magnitude, _both(torch.cat([cosines, sines]))[:, None], gain=rise)
    mean_of_four = torch.eye(bands).repeat(1, 4)[:, :, None].expand(-1, -1, WINDOWS)
    _set(mean, _both(mean_of_four * (math.pi / 4 / rise / WINDOWS)), gain=_LINEAR)
    thresholds = torch.logspace(math.log10(FLOOR), math.log10(CEILING), HINGES)
    # The last group of channels below makes the mean of all channels zero.
    each = torch.eye(bands).repeat_interleave(HINGES, dim=0)
    pick = F.pad(torch.cat([-each, HINGES * torch.eye(bands)]), (0, bands))[:, :, None]
    slopes = (SHARPNESS / thresholds).repeat(bands)
    _set(hinges, pick / _LINEAR, gain=F.pad(slopes, (0, bands)))
    _norm_of(hinges).bias[: HINGES * bands] = SHARPNESS
    weights, constant = logarithm_of_hinges(thresholds)
    total = F.pad(torch.kron(torch.eye(bands), weights[None]), (0, bands))[:, :, None]
    _set(logarithm, _both(total), gain=_SMALL / SPREAD)
    offset = _SMALL * (constant - MEAN) / SPREAD
    _norm_of(logarithm).bias.copy_(_both(torch.full((bands,), offset)))
    norm = cast(nn.LayerNorm, encoder.project_features[1])
    norm.weight.fill_(2 / _SMALL * math.sqrt(norm.eps))  # a GELU halves small inputs
    norm.bias.zero_()


def freeze_filter_bank(encoder: AudioEncoder, config: Config) -> bool:
    """Freeze the front end and the norm that follows it, if they are a filter bank.

    A single optimizer step would be many times larger than their weights.

    Returns:
        Whether they are a filter bank.
    """
    if not _is_layout(config.conv_layers):
        return False
    with torch.random.fork_rng(devices=()):
        set_filter_bank(known := AudioEncoder(config), config.conv_layers)
    found = encoder.state_dict()
    fixed = [name for name in found if name.startswith(_FIXED)]
    if not all(torch.allclose(found[name].cpu(), known.state_dict()[name]) for name in fixed):
        return False
    for name, parameter in encoder.named_parameters():
        if name in fixed:
            parameter.requires_grad_(False)
    return True


def filters(bands: int) -> tuple[Tensor, Tensor]:
    """Return cosines and sines in Hann windows, each of shape (bands, window).

    Windows are shorter for bands wider than the resolution of the full window. For white noise of
    unit variance, the output of every filter has unit variance.
    """
    centres = band_centres(bands)
    widths = 2 * torch.gradient(centres)[0]
    time = torch.arange(WINDOW) - (WINDOW - 1) / 2
    half = (2 * MODEL_RATE / widths).clamp(max=WINDOW)[:, None] / 2
    window = torch.where(time.abs() < half, 0.5 + 0.5 * torch.cos(math.pi * time / half), 0.0)
    phase = 2 * math.pi * centres[:, None] * time / MODEL_RATE
    cosines, sines = window * torch.cos(phase), window * torch.sin(phase)
    mean = cosines.sum(1, keepdim=True) / window.sum(1, keepdim=True)
    cosines = cosines - window * mean  # removes the response to a constant, which sines lack
    return F.normalize(cosines), F.normalize(sines)


def band_centres(bands: int) -> Tensor:
    """Return frequencies in Hz, equally spaced on Slaney's mel scale, shape (bands,).

    The scale is linear up to 1000 Hz and logarithmic above (Slaney, "Auditory Toolbox", 1998).
    """
    step = math.log(6.4) / 27  # log frequency ratio of one mel above 1000 Hz
    least, most = LOWEST / (200 / 3), 15 + math.log(HIGHEST / 1000) / step
    mels = torch.linspace(least, most, bands)
    return torch.where(mels < 15, mels * (200 / 3), 1000 * torch.exp((mels - 15) * step))


def logarithm_of_hinges(thresholds: Tensor) -> tuple[Tensor, float]:
    """Return weights of hinges, shape (hinges,), and a constant that approximate a logarithm.

    This is a least-squares fit over magnitudes from a third of the first threshold to the last
    threshold. Below the first threshold, the target is the logarithm of that threshold.
    """
    least, most = thresholds[0].item(), thresholds[-1].item()
    magnitudes = torch.logspace(math.log10(least / 3), math.log10(most), 400, dtype=torch.float64)
    bent = F.gelu(SHARPNESS * (1 - magnitudes[:, None] / thresholds.double()))
    system = F.pad(bent, (0, 1), value=1.0)
    target = magnitudes.clamp(min=least).log()[:, None]
    solution = torch.linalg.lstsq(system, target).solution[:, 0]
    return solution[:-1].float(), solution[-1].item()


def _is_layout(conv_layers: tuple[ConvLayer, ...]) -> bool:
    return conv_layers == layers(conv_layers[-1][0] // 2)


def _both(weights: Tensor) -> Tensor:
    return torch.cat([weights, -weights])


def _norm_of(layer: nn.Sequential) -> nn.LayerNorm:
    return cast(nn.LayerNorm, cast(nn.Sequential, layer[2])[1])


def _set(layer: nn.Sequential, weights: Tensor, *, gain: Tensor | float) -> None:
    """Set a layer to compute ``gelu(gain * (weights * input))`` with small signals."""
    convolution, norm = cast(nn.Conv1d, layer[0]), _norm_of(layer)
    convolution.weight.copy_(_SMALL * weights)
    norm.weight.copy_(torch.as_tensor(gain) * math.sqrt(norm.eps) / _SMALL)
    norm.bias.zero_()
