"""A front end that needs no training: log energies in bands of frequency.

The convolutions of the published architecture can be *set* to compute what speech recognition
has always begun with. Their norms are in the way, since each brings a frame's channels to zero
mean and unit variance; but each also adds an epsilon to the variance, and beside an input far
below that epsilon's root a norm is a constant factor. So signals are carried small, channels come
in pairs of either sign, which makes their mean zero, and the norms' own weights and biases put
levels and thresholds where the GELUs after them bend:

1. cosines and sines of one frequency a band, both signs, in short windows: their GELUs add up to
   the magnitude;
2. the mean of the magnitudes over a frame;
3. hinges, ``max(0, 1 - magnitude / threshold)``, at thresholds in a geometric sequence;
4. a weighted sum of these, which is the logarithm, and its negative.

A GELU of a pair loses nothing: ``gelu(x) - gelu(-x) = x``. Nothing here comes from data, so the
front end is the same for every corpus. Weights as small as these cannot learn, and are below the
range of float16.
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
"""Samples of a window, 15 ms, and from one window to the next."""

WINDOWS = (RECEPTIVE - WINDOW) // STEP + 1
"""In a frame."""

LOWEST, HIGHEST = 60.0, 7600.0
"""Hz, of the first and the last band."""

FLOOR, CEILING = 0.01, 30.0
"""Magnitudes that the logarithm reaches; white noise of unit variance has 1 in every band."""

HINGES = 7
"""Thresholds of the logarithm: it is within 0.11 of the true one (natural, so 1 dB)."""

SHARPNESS = 3.0
"""Of a hinge: how far from its GELU's bend the magnitude of zero lies."""

MEAN, SPREAD = -2.3, 1.9
"""Of the log magnitudes of speech, over bands and frames, roughly."""

_FIXED = ("local_encoder.", "project_features.1.")
"""Tensors of the filter bank begin so."""

_SMALL = 3e-5
"""What signals are carried at; the norms' epsilon has a root of 3e-3."""

_LINEAR = 1e3
"""So much above zero, a GELU is the identity for every magnitude that matters."""


def layers(bands: int) -> tuple[ConvLayer, ...]:
    """Return the convolutions that `set_filter_bank` sets, of so many bands."""
    return (
        (4 * bands, WINDOW, STEP),
        (2 * bands, WINDOWS, HOP // STEP),
        ((HINGES + 1) * bands, 1, 1),
        (2 * bands, 1, 1),
    )


@torch.no_grad()
def set_filter_bank(encoder: AudioEncoder, conv_layers: tuple[ConvLayer, ...]) -> None:
    """Make the front end a filter bank, with the norm behind it.

    That norm gives, for every band, the log magnitude in units of `SPREAD` around `MEAN`, and
    its negative: shape (frames, 2 x bands).

    Raises:
        OptionsError: If the convolutions are not those of `layers`.
    """
    bands = conv_layers[-1][0] // 2
    if not _is_layout(conv_layers):
        raise OptionsError(
            "front_end: filter-bank needs a network whose feature_encoder_spec is, for any number "
            f"of bands, as for {bands}: {list(layers(bands))}; it is {list(conv_layers)}"
        )
    stages = [cast(nn.Sequential, layer) for layer in encoder.local_encoder.conv_layers]
    magnitude, mean, hinges, logarithm = stages
    cosines, sines = filters(bands)
    rise = 2 / FLOOR  # a GELU is straight from here on, as far as the floor is concerned
    _set(magnitude, _both(torch.cat([cosines, sines]))[:, None], gain=rise)
    mean_of_four = torch.eye(bands).repeat(1, 4)[:, :, None].expand(-1, -1, WINDOWS)
    _set(mean, _both(mean_of_four * (math.pi / 4 / rise / WINDOWS)), gain=_LINEAR)
    thresholds = torch.logspace(math.log10(FLOOR), math.log10(CEILING), HINGES)
    # Below, the last group of channels is there to make the mean of all of them zero.
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
    norm.weight.fill_(2 / _SMALL * math.sqrt(norm.eps))  # a small GELU halves
    norm.bias.zero_()


def freeze_filter_bank(encoder: AudioEncoder, config: Config) -> bool:
    """Let the front end and the norm behind it not learn, if they are a filter bank.

    One step of an optimizer would be many times as large as their weights.

    Returns:
        Whether they are.
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

    Windows get shorter where bands get wider than the whole window resolves. White noise of unit
    variance leaves every filter with unit variance.
    """
    centres = band_centres(bands)
    widths = 2 * torch.gradient(centres)[0]
    time = torch.arange(WINDOW) - (WINDOW - 1) / 2
    half = (2 * MODEL_RATE / widths).clamp(max=WINDOW)[:, None] / 2
    window = torch.where(time.abs() < half, 0.5 + 0.5 * torch.cos(math.pi * time / half), 0.0)
    phase = 2 * math.pi * centres[:, None] * time / MODEL_RATE
    cosines, sines = window * torch.cos(phase), window * torch.sin(phase)
    mean = cosines.sum(1, keepdim=True) / window.sum(1, keepdim=True)
    cosines = cosines - window * mean  # deaf to a constant, as sines are
    return F.normalize(cosines), F.normalize(sines)


def band_centres(bands: int) -> Tensor:
    """Return frequencies in Hz, equally far apart on Slaney's mel scale, shape (bands,).

    It is linear up to 1000 Hz and logarithmic above (Slaney, "Auditory Toolbox", 1998).
    """
    step = math.log(6.4) / 27  # a mel above 1000 Hz, as a logarithm
    least, most = LOWEST / (200 / 3), 15 + math.log(HIGHEST / 1000) / step
    mels = torch.linspace(least, most, bands)
    return torch.where(mels < 15, mels * (200 / 3), 1000 * torch.exp((mels - 15) * step))


def logarithm_of_hinges(thresholds: Tensor) -> tuple[Tensor, float]:
    """Return the weights of hinges, shape (hinges,), and the constant, that make a logarithm.

    By least squares, over magnitudes from a third of the first threshold, below which the
    logarithm is taken of the threshold itself, to the last.
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
    """Make a layer compute ``gelu(gain * (weights * input))``, by way of small signals."""
    convolution, norm = cast(nn.Conv1d, layer[0]), _norm_of(layer)
    convolution.weight.copy_(_SMALL * weights)
    norm.weight.copy_(torch.as_tensor(gain) * math.sqrt(norm.eps) / _SMALL)
    norm.bias.zero_()
