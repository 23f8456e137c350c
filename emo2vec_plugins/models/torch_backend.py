"""The torch back end: packs waveforms into one, runs the network, and splits the results."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch

from emo2vec_plugins.core import FloatArray, Frames, LabelSet, Provenance
from emo2vec_plugins.engine import Chunk, Pending
from emo2vec_plugins.errors import Emo2vecError, OptionsError
from emo2vec_plugins.models.attention import attention_for
from emo2vec_plugins.models.doubt import FittedDoubt
from emo2vec_plugins.models.network import Network
from emo2vec_plugins.models.packing import lay, pack, pooled, send_back

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""Data types for weights and arithmetic, by the names that users pass."""

CPU_SECONDS, CUDA_SECONDS = 30.0, 240.0
"""Audio per batch: on a CPU more takes memory without being faster; a GPU needs more to be full."""


class TorchBackend:
    """Runs a `Network` in packed batches; a batch that does not fit on the device is split.

    Args:
        network: The network with its weights.
        labels: The rows of its head.
        provenance: Attached to every result.
        device: ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; None for CUDA if available, else the CPU.
        dtype: A key of `DTYPES`, for weights and arithmetic; results are float32.
        doubt: Its measure of doubt; None if it has none.

    Raises:
        OptionsError: If the device or dtype is not available, or weights exceed the range of the
            dtype.
    """

    device: torch.device
    batch_seconds: float

    def __init__(
        self,
        network: Network,
        *,
        labels: LabelSet,
        provenance: Provenance,
        device: str | None = None,
        dtype: str = "float32",
        doubt: FittedDoubt | None = None,
    ) -> None:
        if dtype not in DTYPES:
            graph = "; use openvino:MODEL or onnx:MODEL for int8" if dtype == "int8" else ""
            raise OptionsError(
                f"a torch model supports {', '.join(DTYPES)}, got dtype {dtype!r}{graph}"
            )
        self._dtype = DTYPES[dtype]
        self.network = network.eval().requires_grad_(False)
        self.to(device)
        # float16 ends at 65,504; larger weights become infinite, as in `tiny`.
        if dtype == "float16" and not all(each.isfinite().all() for each in network.parameters()):
            raise OptionsError(
                "this model cannot run in float16: its weights exceed the range; use bfloat16 or "
                "float32"
            )
        self.labels = labels
        self.width = network.config.width
        self.normalize = network.config.normalize
        self.provenance = provenance
        self.doubt = doubt

    def to(self, device: str | torch.device | None) -> TorchBackend:
        """Move the model to *device*; existing engines keep their batch length.

        Raises:
            OptionsError: If the device is not available.
        """
        self.device = device_of(None if device is None else str(device))
        self.network.to(self.device, self._dtype)
        config = self.network.config
        self.network.attention = attention_for(self.device, depth=config.width // config.heads)
        self.batch_seconds = CPU_SECONDS if self.device.type == "cpu" else CUDA_SECONDS
        return self

    def run(self, waveforms: Sequence[FloatArray]) -> list[Frames]:
        """Return each waveform's frames, in order.

        Args:
            waveforms: 1-D float32 arrays at 16 kHz of at least 400 samples, already normalised.

        Returns:
            For each waveform, embeddings of shape (frames, width) and logits of shape (frames,
            classes), or None without a head; float32.

        Raises:
            Emo2vecError: If the device has too little memory for a single waveform.
        """
        return self.start_batch([Chunk(samples=waveform) for waveform in waveforms])()

    def start_batch(self, chunks: Sequence[Chunk]) -> Pending:
        """Queue a batch on the device; return a function that waits for its results.

        Raises:
            Emo2vecError: If the device has too little memory for a single chunk.
        """
        if not chunks:
            return list
        try:
            return self._start_all(chunks)
        except torch.cuda.OutOfMemoryError as error:
            if len(chunks) == 1:
                raise Emo2vecError(
                    f"{self.device} has too little memory for a window of "
                    f"{len(chunks[0].samples)} samples: use a shorter max_window, another dtype, "
                    "or the CPU"
                ) from error
        # Outside the except block, whose traceback keeps the tensors of the failed batch alive.
        # The cache must be emptied because the halves may not fit its blocks.
        torch.cuda.empty_cache()
        half = len(chunks) // 2
        first, second = self.start_batch(chunks[:half]), self.start_batch(chunks[half:])
        return lambda: [*first(), *second()]

    @torch.inference_mode()
    def _start_all(self, chunks: Sequence[Chunk]) -> Pending:
        # The front end and positions run on one waveform; only attention separates the clips.
        layout = lay([len(chunk.samples) for chunk in chunks], gap=self.network.gap)
        packed = pack(chunks, layout, self.device).to(self._dtype)
        outputs = [each for each in self.network(packed, layout) if each is not None]
        counts = [frames.stop - frames.start for frames in layout.frames]
        if chunks[0].pool is None:
            returning = send_back([each.float() for each in outputs])
        else:
            returning = send_back([pooled(each, chunks, counts) for each in outputs])
            counts = [1] * len(chunks)

        def wait() -> list[Frames]:
            ends = list(accumulate(counts))[:-1]
            embeddings, *heads = (np.split(array, ends) for array in returning())
            return list(zip(embeddings, heads[0] if heads else [None] * len(chunks), strict=True))

        return wait


def device_of(name: str | None) -> torch.device:
    """Return a torch device by name; for None, CUDA if available, else the CPU.

    Raises:
        OptionsError: If the device is not available.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionsError(
            f"unknown device {name!r}; use cpu, cuda (cuda:1 for the second) or mps"
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise OptionsError(f"device {name!r} is not available: torch finds no CUDA device")
    try:
        torch.empty(0, device=device)  # the only test that works for all kinds of devices
    except (RuntimeError, AssertionError) as error:
        raise OptionsError(f"device {name!r} is not available: {error}") from error
    return device
