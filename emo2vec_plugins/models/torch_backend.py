"""The network on a device: waveforms packed into one, run, and taken apart again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch

from emo2vec_plugins.core import FloatArray, Frames, LabelSet, Provenance
from emo2vec_plugins.engine import Chunk, Pending
from emo2vec_plugins.errors import Emo2vecError, OptionsError
from emo2vec_plugins.models.attention import attention_for
from emo2vec_plugins.models.network import Network
from emo2vec_plugins.models.packing import lay, pack, pooled, send_back

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
"""What a network can run in, by the names that users give."""

CPU_SECONDS, CUDA_SECONDS = 30.0, 240.0
"""Audio in a batch: on a CPU more gains nothing and takes memory, on a GPU it fills the device."""


class TorchBackend:
    """Runs a `Network` in packed batches; a batch that does not fit on the device is split.

    Args:
        network: With its weights.
        labels: Of the rows of its head.
        provenance: Travels with every result.
        device: Where to run: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; CUDA if there is any, for None.
        dtype: A key of `DTYPES`, for weights and arithmetic; results are float32.

    Raises:
        OptionsError: If there is no such device or dtype, or weights leave the dtype's range.
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
    ) -> None:
        if dtype not in DTYPES:
            graph = "; graphs have it: openvino:MODEL or onnx:MODEL" if dtype == "int8" else ""
            raise OptionsError(f"torch computes in {', '.join(DTYPES)}, not in {dtype!r}{graph}")
        self._dtype = DTYPES[dtype]
        self.network = network.eval().requires_grad_(False)
        self.to(device)
        # float16 ends at 65,504; larger weights, which `tiny` has, become infinite.
        if dtype == "float16" and not all(each.isfinite().all() for each in network.parameters()):
            raise OptionsError(
                "this model cannot run in float16: its weights exceed the range; use bfloat16 or "
                "float32"
            )
        self.labels = labels
        self.width = network.config.width
        self.normalize = network.config.normalize
        self.provenance = provenance

    def to(self, device: str | torch.device | None) -> TorchBackend:
        """Move to *device*; an `Engine` made before goes on with batches of the same length.

        Raises:
            OptionsError: If there is no such device.
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
            waveforms: 1-D float32 arrays at 16 kHz of at least 400 samples, normalised already.

        Returns:
            Embeddings, shape (frames, width), and logits, shape (frames, classes) or None, for
            each; float32.

        Raises:
            Emo2vecError: If the device has too little memory for one waveform alone.
        """
        return self.start_batch([Chunk(samples=waveform) for waveform in waveforms])()

    def start_batch(self, chunks: Sequence[Chunk]) -> Pending:
        """Put a batch in the device's queue; return what waits for its results.

        Raises:
            Emo2vecError: If the device has too little memory for one chunk alone.
        """
        if not chunks:
            return list
        try:
            return self._start_all(chunks)
        except torch.cuda.OutOfMemoryError as error:
            if len(chunks) == 1:
                raise Emo2vecError(
                    f"{self.device} has too little memory for {len(chunks[0].samples)} samples at "
                    "once: use a shorter max_window, another dtype, or the CPU"
                ) from error
        # After the except block: its traceback keeps the tensors of the failed batch alive. What
        # they leave in torch's cache is in blocks of sizes that the halves may not fit.
        torch.cuda.empty_cache()
        half = len(chunks) // 2
        first, second = self.start_batch(chunks[:half]), self.start_batch(chunks[half:])
        return lambda: [*first(), *second()]

    @torch.inference_mode()
    def _start_all(self, chunks: Sequence[Chunk]) -> Pending:
        # Front end and positions run on the one waveform; only attention knows of clips again.
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
    """Return a torch device by name; CUDA if there is any, else the CPU, for None.

    Raises:
        OptionsError: If there is no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionsError(
            f"there is no device {name!r}; there are cpu, cuda (cuda:1 is the second) and mps"
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise OptionsError(f"device {name!r} was asked for, but torch finds no CUDA device")
    try:
        torch.empty(0, device=device)  # the only test that all kinds of devices have in common
    except (RuntimeError, AssertionError) as error:
        raise OptionsError(f"device {name!r} is not available here: {error}") from error
    return device
