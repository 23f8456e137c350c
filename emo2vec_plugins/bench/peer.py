"""A comparable network, run as its users run it: in batches padded to the longest turn.

The network is the wav2vec 2.0 classifier of transformers, in the published large shape, with
random weights.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn.functional import layer_norm
from torch.nn.utils.rnn import pad_sequence

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.bench.subjects import Loaded, Meter, Round, Scores, Task
from emo2vec_plugins.bench.turns import turns_of
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.errors import MissingExtraError, OptionsError
from emo2vec_plugins.models import CPU_SECONDS, CUDA_SECONDS, DTYPES

LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
    "num_labels": 9,
    "attn_implementation": "sdpa",
}
"""Configuration of facebook/wav2vec2-large-xlsr-53 and models fine-tuned from it."""


class PeerRunner:
    """Runs the classifier on turns in order, with as much audio per batch as our engine."""

    def __init__(self, dtype: str, task: Task) -> None:
        if dtype not in DTYPES:
            raise OptionsError(f"expected a dtype among {', '.join(DTYPES)}, got {dtype!r}")
        sounds = turns_of(task.lengths, seed=task.seed)
        try:
            from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification
        except ImportError as error:
            needed = "the comparable classifier needs transformers: pip install transformers"
            raise MissingExtraError(needed) from error
        self._meter = Meter(task.device)
        self._device, self._dtype = torch.device(task.device), DTYPES[dtype]
        with torch.device(self._device):
            network = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(**LARGE))
        self._network = network.eval().requires_grad_(False).to(self._device, self._dtype)
        self._loaded = self._meter.loaded()
        # As much audio as in our batches, so that the batch size makes no difference.
        seconds = CPU_SECONDS if self._device.type == "cpu" else CUDA_SECONDS
        self._batches = list(_batches(sounds, budget=round(seconds * MODEL_RATE)))

    def loaded(self) -> Loaded:
        """Return the measurements of loading."""
        return self._loaded

    def run(self) -> Round:
        """Classify all turns once, from samples in memory to probabilities."""
        begun = self._meter.begin()
        for batch in self._batches:
            self._classify(batch)
        return self._meter.end(begun)

    def scores(self) -> Scores | None:
        """Return None: scores of another network are not comparable."""
        return None

    @torch.inference_mode()
    def _classify(self, batch: list[FloatArray]) -> torch.Tensor:
        turns = [torch.from_numpy(sound) for sound in batch]
        # Like its feature extractor: normalize over the turn alone; padding stays zero.
        even = [layer_norm(turn, turn.shape, eps=1e-7) for turn in turns]
        values = pad_sequence(even, batch_first=True).to(self._device, self._dtype)
        mask = pad_sequence([torch.ones(len(turn), dtype=torch.long) for turn in turns], True)
        logits = self._network(values, attention_mask=mask.to(self._device)).logits
        return logits.float().softmax(-1).cpu()  # type: ignore[no-any-return]


def _batches(sounds: list[FloatArray], *, budget: int) -> Iterator[list[FloatArray]]:
    batch: list[FloatArray] = []
    for sound in sounds:
        if batch and sum(map(len, batch)) + len(sound) > budget:
            yield batch
            batch = []
        batch.append(sound)
    if batch:
        yield batch
