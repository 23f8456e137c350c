"""What opens graphs: ONNX Runtime and OpenVINO, behind one type."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import FloatArray, import_extra
from emo2vec_plugins.errors import ExportError, OptionsError
from emo2vec_plugins.models.onnx.quantize import BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A call of a graph that was started.

    Attributes:
        ready: Waits for at most `MOMENT` and returns whether the outputs are there.
        outputs: Waits for them and returns them, in order; they are the caller's.
    """

    ready: Callable[[], bool]
    outputs: Callable[[], list[FloatArray]]


Start = Callable[[FloatArray, npt.NDArray[np.int64]], Running]
"""Takes waveforms, (clips, samples), and lengths, (clips,)."""

MOMENT = 1
"""Milliseconds for which one call of several is waited for."""

MOST_STREAMS = 4
"""Calls of OpenVINO at once: threads of one call wait for each other at every layer."""

KEPT_KERNELS = 64
"""Kernels that OpenVINO keeps, each for one shape of its arrays. Left alone it keeps thousands, and
grows by gigabytes in an hour of turns of all lengths; with none, equal layers share none."""

PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
"""OpenVINO's names of what it computes in."""

CAPABILITIES = {"bfloat16": "BF16", "float16": "FP16"}
"""OpenVINO's names of what a processor has beside float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A file, opened by a runtime.

    Attributes:
        start: Starts it. All calls must come from one thread: OpenVINO's Python part locks up
            when its first come from two.
        metadata: The file's own properties, by name.
        streams: How many may be started before one is waited for.
    """

    start: Start
    metadata: Mapping[str, str]
    streams: int = 1

    def call(self, waveforms: FloatArray, lengths: npt.NDArray[np.int64]) -> list[FloatArray]:
        """Run it and wait.

        Args:
            waveforms: Shape (clips, samples), float32, normalised, zeros after each clip.
            lengths: Samples of each clip, shape (clips,).

        Returns:
            Outputs as `PaddedNetwork.forward` has them.
        """
        return self.start(waveforms, lengths).outputs()


def open_onnxruntime(path: Path, *, device: str | None, dtype: str = "") -> Graph:  # noqa: ARG001
    """Open a graph with ONNX Runtime.

    Args:
        path: The file.
        device: ``cpu``, or ``cuda`` or ``cuda:1`` with onnxruntime-gpu; the CPU for None.
        dtype: Not used: the file's weights say it.

    Raises:
        OptionsError: If it has no such device.
        MissingExtraError: If it is not installed.
        ExportError: If it cannot run the file.
    """
    onnxruntime = import_extra("onnxruntime", extra="onnx", purpose="a model behind onnx:")
    providers = _providers(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its warnings are of its own optimisations
    options.intra_op_num_threads = _threads()
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:
        raise ExportError(f"{path}: ONNX Runtime cannot open it: {_first_line(error)}") from error
    # It falls back to the CPU with a mere log line when CUDA's libraries are missing.
    if device not in (None, "cpu") and "CUDAExecutionProvider" not in session.get_providers():
        raise OptionsError(
            f"ONNX Runtime could not start on device {device!r}; it would use the CPU"
        )

    def start(waveforms: FloatArray, lengths: npt.NDArray[np.int64]) -> Running:
        found: list[FloatArray] = session.run(None, {"waveforms": waveforms, "lengths": lengths})
        return Running(ready=lambda: True, outputs=lambda: found)

    return Graph(start=start, metadata=session.get_modelmeta().custom_metadata_map)


def open_openvino(path: Path, *, device: str | None, dtype: str) -> Graph:
    """Open a graph with OpenVINO, on a CPU.

    Args:
        path: The file.
        device: None or ``cpu``.
        dtype: What it computes in; for ``int8``, the type of the weights, in the fastest of float
            that the processor has.

    Raises:
        OptionsError: If the processor has no such arithmetic, or the device is another.
        MissingExtraError: If it is not installed.
        ExportError: If it cannot run the file.
    """
    openvino = import_extra("openvino", extra="openvino", purpose="a model behind openvino:")
    if device not in (None, "cpu"):
        raise OptionsError(f"OpenVINO runs on the CPU here, device {device!r} was asked for")
    core = _shared(openvino.Core)
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if dtype in CAPABILITIES and CAPABILITIES[dtype] not in able:
        raise OptionsError(
            f"this processor has no {dtype} arithmetic, only {', '.join(able)}; use float32 or int8"
        )
    fastest = "bf16" if "BF16" in able else "f32"
    streams = min(_threads(), MOST_STREAMS)
    # Streams run groups side by side, each on its share of the cores: layers are too small for all
    # cores to gain from one group.
    settings = {
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(_threads()),
        "INFERENCE_PRECISION_HINT": PRECISIONS.get(dtype, fastest),
        # In the blocks of the weights; 0 switches it off.
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(BLOCK if dtype == "int8" else 0),
        "CPU_RUNTIME_CACHE_CAPACITY": str(KEPT_KERNELS),
    }
    try:
        model = core.read_model(path)
        compiled = core.compile_model(model, "CPU", settings)
        free = deque(compiled.create_infer_request() for _ in range(streams))
    except Exception as error:
        raise ExportError(f"{path}: OpenVINO cannot open it: {_first_line(error)}") from error
    count = len(model.outputs)

    def start(waveforms: FloatArray, lengths: npt.NDArray[np.int64]) -> Running:
        request = free.popleft()
        request.start_async({"waveforms": waveforms, "lengths": lengths})

        def wait() -> list[FloatArray]:
            try:
                request.wait()
                # Copies: the request's next call writes its outputs to the same memory.
                return [request.get_output_tensor(index).data.copy() for index in range(count)]
            finally:
                free.append(request)

        return Running(ready=lambda: bool(request.wait_for(MOMENT)), outputs=wait)

    return Graph(start=start, metadata=_openvino_metadata(model), streams=streams)


@cache
def _shared(make_core: Callable[[], Any]) -> Any:
    """Return the one core of OpenVINO in this process.

    Each core sets a stack for signal handlers, and puts back the one before when it goes. Of two
    that do not go in reverse order, the last puts back the freed stack of the first, and the next
    signal with a handler, Ctrl-C for one, crashes the process (OpenVINO 2026.4.1,
    `SigAltStackSetup` of src/plugins/intel_cpu).
    """
    return make_core()


def _threads() -> int:
    """Return how many threads torch has, so that one setting is for all."""
    import torch

    return torch.get_num_threads()


def _providers(device: str | None, available: Sequence[str]) -> list[Any]:
    if device in (None, "cpu"):
        return ["CPUExecutionProvider"]
    kind, _, index = str(device).partition(":")
    if kind != "cuda" or "CUDAExecutionProvider" not in available:
        raise OptionsError(
            f"ONNX Runtime has no device {device!r} here, only {', '.join(available)}; for CUDA "
            "install onnxruntime-gpu in place of onnxruntime"
        )
    return [("CUDAExecutionProvider", {"device_id": int(index or 0)}), "CPUExecutionProvider"]


def _openvino_metadata(model: Any) -> dict[str, str]:
    if not model.has_rt_info(["framework"]):
        return {}
    return {name: str(value) for name, value in model.get_rt_info(["framework"]).value.items()}


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


OPENERS = {"onnx": open_onnxruntime, "openvino": open_openvino}
"""What opens a file, by the name of the model that users give."""
