"""One interface to ONNX Runtime and OpenVINO."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import FloatArray, import_extra
from emo2vec_plugins.errors import ExportError, OptionsError
from emo2vec_plugins.files import reading
from emo2vec_plugins.models.onnx.quantize import BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running call of a graph.

    Attributes:
        ready: Waits for at most `MOMENT` and returns whether the call is done.
        outputs: Waits for the outputs and returns them, in order; the caller owns them.
    """

    ready: Callable[[], bool]
    outputs: Callable[[], list[FloatArray]]


Start = Callable[[FloatArray, npt.NDArray[np.int64]], Running]
"""Starts a call with waveforms, (clips, samples), and lengths, (clips,)."""

MOMENT = 1
"""Milliseconds to wait for one of several calls."""

MOST_STREAMS = 4
"""Maximum concurrent OpenVINO calls; within a call, threads wait for each other at every layer."""

KEPT_KERNELS = 64
"""Size of OpenVINO's kernel cache, one kernel per array shape. By default it keeps thousands and
grows by gigabytes within an hour of turns of varied lengths; at 0, equal layers share no kernels."""

PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
"""OpenVINO's names of data types."""

CAPABILITIES = {"bfloat16": "BF16", "float16": "FP16"}
"""OpenVINO's names of a processor's optional data types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A graph opened by a runtime.

    Attributes:
        start: Starts a call, within the context of `reserved`.
        metadata: Metadata of the file, by name.
        streams: Maximum number of running calls.
        reserved: Lets other threads wait; when it is entered, no call is running.
    """

    start: Start
    metadata: Mapping[str, str]
    streams: int = 1
    reserved: Callable[[], AbstractContextManager[object]] = nullcontext

    def call(self, waveforms: FloatArray, lengths: npt.NDArray[np.int64]) -> list[FloatArray]:
        """Run the graph and return its outputs.

        Args:
            waveforms: Shape (clips, samples), float32, normalised, zeros after each clip.
            lengths: Samples of each clip, shape (clips,).

        Returns:
            The outputs of `PaddedNetwork.forward`.
        """
        with self.reserved():
            return self.start(waveforms, lengths).outputs()


def open_onnxruntime(path: Path, *, device: str | None, dtype: str = "") -> Graph:  # noqa: ARG001
    """Open a graph with ONNX Runtime.

    Args:
        path: The file.
        device: ``cpu``, or ``cuda`` or ``cuda:1`` with onnxruntime-gpu; None for the CPU.
        dtype: Unused; the weights in the file determine it.

    Raises:
        OptionsError: If the device is not available.
        MissingExtraError: If ONNX Runtime is not installed.
        ExportError: If ONNX Runtime cannot open the file.
    """
    onnxruntime = import_extra("onnxruntime", extra="onnx", purpose="a model behind onnx:")
    providers = _providers(device, onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # warnings concern only internal optimisations
    options.intra_op_num_threads = _threads()
    reading(path)
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:
        raise ExportError(f"{path}: ONNX Runtime cannot open it: {_first_line(error)}") from error
    # ONNX Runtime falls back to the CPU with only a log line if CUDA libraries are missing.
    if device not in (None, "cpu") and "CUDAExecutionProvider" not in session.get_providers():
        raise OptionsError(f"ONNX Runtime cannot start on device {device!r}, only on the CPU")

    def start(waveforms: FloatArray, lengths: npt.NDArray[np.int64]) -> Running:
        found: list[FloatArray] = session.run(None, {"waveforms": waveforms, "lengths": lengths})
        return Running(ready=lambda: True, outputs=lambda: found)

    return Graph(start=start, metadata=session.get_modelmeta().custom_metadata_map)


def open_openvino(path: Path, *, device: str | None, dtype: str) -> Graph:
    """Open a graph with OpenVINO, on a CPU.

    Args:
        path: The file.
        device: None or ``cpu``.
        dtype: Data type of the arithmetic. With ``int8`` weights, the arithmetic uses the
            processor's fastest float type.

    Raises:
        OptionsError: If the processor does not support *dtype*, or *device* is not the CPU.
        MissingExtraError: If OpenVINO is not installed.
        ExportError: If OpenVINO cannot open the file.
    """
    openvino = import_extra("openvino", extra="openvino", purpose="a model behind openvino:")
    if device not in (None, "cpu"):
        raise OptionsError(f"an OpenVINO model runs on the CPU only, got device {device!r}")
    core = _shared(openvino.Core)
    supported = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if dtype in CAPABILITIES and CAPABILITIES[dtype] not in supported:
        raise OptionsError(
            f"this processor does not support {dtype}, only {', '.join(supported)}; use float32 or "
            "int8"
        )
    fastest = "bf16" if "BF16" in supported else "f32"
    streams = min(_threads(), MOST_STREAMS)
    # Streams run groups in parallel, each on some of the cores, because layers are too small to keep
    # all cores busy with one group.
    settings = {
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(_threads()),
        "INFERENCE_PRECISION_HINT": PRECISIONS.get(dtype, fastest),
        # Same block size as the weights; 0 disables dynamic quantisation.
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(BLOCK if dtype == "int8" else 0),
        "CPU_RUNTIME_CACHE_CAPACITY": str(KEPT_KERNELS),
    }
    reading(path)
    try:
        model = core.read_model(path)
        compiled = core.compile_model(model, "CPU", settings)
        requests = [compiled.create_infer_request() for _ in range(streams)]
    except Exception as error:
        raise ExportError(f"{path}: OpenVINO cannot open it: {_first_line(error)}") from error
    count = len(model.outputs)
    free: deque[Any] = deque()

    @contextmanager
    def reserved() -> Iterator[None]:
        with _one_thread:
            # An interrupted caller may have left calls behind.
            for request in requests:
                with suppress(Exception):  # the error of a call that has no caller any more
                    request.wait()
            free.clear()
            free.extend(requests)
            yield

    def start(waveforms: FloatArray, lengths: npt.NDArray[np.int64]) -> Running:
        request = free.popleft()
        request.start_async({"waveforms": waveforms, "lengths": lengths})

        def wait() -> list[FloatArray]:
            try:
                request.wait()
                # Copies, because the next call of the request overwrites the same memory.
                return [request.get_output_tensor(index).data.copy() for index in range(count)]
            finally:
                free.append(request)

        return Running(ready=lambda: bool(request.wait_for(MOMENT)), outputs=wait)

    return Graph(
        start=start, metadata=_openvino_metadata(model), streams=streams, reserved=reserved
    )


_one_thread = Lock()
"""OpenVINO's Python API deadlocks if the first calls come from two threads."""


@cache
def _shared(make_core: Callable[[], Any]) -> Any:
    """Return the OpenVINO core of this process.

    Each core installs a stack for signal handlers and restores the previous stack when it is
    deleted. If two cores are not deleted in reverse order, the last one restores the freed stack
    of the first, and the next signal with a handler, such as Ctrl-C, crashes the process
    (OpenVINO 2026.4.1, `SigAltStackSetup` of src/plugins/intel_cpu).
    """
    return make_core()


def _threads() -> int:
    """Return torch's number of threads, so that one setting applies to all runtimes."""
    import torch

    return torch.get_num_threads()


def _providers(device: str | None, available: Sequence[str]) -> list[Any]:
    if device in (None, "cpu"):
        return ["CPUExecutionProvider"]
    kind, _, index = str(device).partition(":")
    if kind != "cuda" or "CUDAExecutionProvider" not in available:
        raise OptionsError(
            f"device {device!r} is not available in ONNX Runtime, only {', '.join(available)}; for "
            "CUDA install onnxruntime-gpu instead of onnxruntime"
        )
    return [("CUDAExecutionProvider", {"device_id": int(index or 0)}), "CPUExecutionProvider"]


def _openvino_metadata(model: Any) -> dict[str, str]:
    if not model.has_rt_info(["framework"]):
        return {}
    return {name: str(value) for name, value in model.get_rt_info(["framework"]).value.items()}


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


OPENERS = {"onnx": open_onnxruntime, "openvino": open_openvino}
"""Functions that open a graph, by the name of the loader."""
