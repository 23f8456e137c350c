"""What training makes small: the error in the classes, and what helps to get there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.windows import HOP, RECEPTIVE

BANDS, LAGS = 40, 40
"""Mel bands, and values of periodicity, that `Hearing` predicts of each frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a learner makes of a batch.

    Attributes:
        logits: Shape (turns, classes).
        hearing: The auxiliary loss, a scalar; None without one.
    """

    logits: Tensor
    hearing: Tensor | None = None


def class_loss(
    logits: Tensor, labels: Tensor, *, weights: Tensor | None, smoothing: float
) -> Tensor:
    """Return the cross-entropy, a scalar, in float32.

    Args:
        logits: Shape (turns, classes).
        labels: Shape (turns,).
        weights: Shape (classes,), of each class's errors; None for all alike.
        smoothing: Share of the target that all classes divide among them.
    """
    return F.cross_entropy(logits.float(), labels, weights, label_smoothing=smoothing)


def class_weights(labels: Sequence[str], classes: Sequence[str]) -> Tensor:
    """Return weights inverse to how frequent each class is; over all turns they average 1.

    >>> class_weights(["sad", "sad", "sad", "happy"], ["happy", "sad"])
    tensor([2.0000, 0.6667])
    """
    counts = Counter(labels)
    return torch.tensor([len(labels) / len(classes) / counts[name] for name in classes])


def total_loss(
    heard: Heard,
    labels: Tensor,
    recipe: Recipe,
    *,
    weights: Tensor | None,
    progress: float,
) -> Tensor:
    """Return the loss at a moment of the training, a scalar.

    Args:
        heard: What the learner makes of the batch.
        labels: Shape (turns,).
        recipe: With the weights of the losses.
        weights: Of the classes, or None.
        progress: Share of the training that is done, from 0 to 1.
    """
    if heard.hearing is not None and progress < recipe.hearing_first:
        return heard.hearing
    loss = class_loss(heard.logits, labels, weights=weights, smoothing=recipe.label_smoothing)
    return loss if heard.hearing is None else loss + recipe.hearing * heard.hearing


class Hearing(nn.Module):
    """Tells from an embedding what its frame sounds like: spectrum and periodicity.

    A few minutes of speech are little to learn classes from. How frames sound is told by every
    one of them, 50 times a second and without labels, and a network that has to tell it builds
    the ear that the classes need.

    Args:
        width: Of the embeddings.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mel = torchaudio.transforms.MelScale(BANDS, MODEL_RATE, n_stft=RECEPTIVE + 1)
        self.guess = nn.Linear(width, BANDS + LAGS)
        self.window: Tensor
        self.register_buffer("window", torch.hann_window(RECEPTIVE), persistent=False)

    def targets(self, waveform: Tensor) -> Tensor:
        """Return 40 log-mel energies and 40 autocorrelations, shape (frames, 80).

        Args:
            waveform: Shape (samples,), of unit variance.
        """
        frames = waveform.float().unfold(0, RECEPTIVE, HOP) * self.window
        power = torch.fft.rfft(frames, 2 * RECEPTIVE).abs() ** 2  # (frames, 401)
        mel = (self.mel(power.T).T + 0.1).log() / 3
        correlation = torch.fft.irfft(power)
        lags = correlation[:, 40:280] / (correlation[:, :1] + 1)  # of voices from 57 to 400 Hz
        periodicity = 3 * F.max_pool1d(lags[None], 240 // LAGS)[0]
        return torch.cat([mel, periodicity], dim=1)

    def loss(self, embeddings: Tensor, waveforms: Sequence[Tensor]) -> Tensor:
        """Return the mean squared error of the guesses, a scalar.

        Args:
            embeddings: Shape (frames, width), of all waveforms one after another.
            waveforms: As the network got them.
        """
        # What is heard is measured in float32, whatever the network computes in.
        with torch.no_grad(), torch.autocast(embeddings.device.type, enabled=False):
            targets = torch.cat([self.targets(waveform) for waveform in waveforms])
        return F.mse_loss(self.guess(embeddings).float(), targets)
