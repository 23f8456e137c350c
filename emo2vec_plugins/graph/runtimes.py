"""Graphs and what runs them: ONNX Runtime and OpenVINO, behind one back end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins import __version__
from emo2vec_plugins.backend import Frames
from emo2vec_plugins.dialogue import FloatArray
from emo2vec_plugins.errors import ExportError, MissingExtraError, OptionsError
from emo2vec_plugins.graph.groups import groups, padded
from emo2vec_plugins.graph.quantize import BLOCK
from emo2vec_plugins.labels import LabelSet
from emo2vec_plugins.windows import frame_count

Call = Callable[[FloatArray, npt.NDArray[np.int64]], list[FloatArray]]
"""Waveforms, (clips, samples), and lengths, (clips,), to the graph's outputs, in order."""

GRAPH_SECONDS = 240.0
"""Audio in a batch: the more clips, the more alike in length are those that share a group."""

MOST_STREAMS = 4
"""Calls of OpenVINO at once: threads of one call wait for each other at every layer."""

PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
"""OpenVINO's names of what it computes in."""

CAPABILITIES = {"bfloat16": "BF16", "float16": "FP16"}
"""OpenVINO's names of what a processor has beside float32."""


class GraphBackend:
    """Runs a graph on clips in groups of similar length.

    Args:
        graph: An opened file.
        facts: What `read_facts` gives.
        name: Of the runtime; results say it before the model's.
        dtype: Of weights or arithmetic.
    """

    batch_seconds = GRAPH_SECONDS

    def __init__(self, graph: Graph, facts: dict[str, Any], *, name: str, dtype: str) -> None:
        provenance = facts["provenance"]
        self._graph = graph
        self.labels = LabelSet.from_tokens(provenance.tokens)
        self.width: int = facts["width"]
        self.normalize: bool = facts["normalize"]
        self.provenance = replace(
            provenance, model=f"{name}:{provenance.model}", dtype=dtype, version=__version__
        )

    def run(self, waveforms: Sequence[FloatArray]) -> list[Frames]:
        """Return each waveform's frames, in order: embeddings and, with a head, logits."""
        # The longest first: what is left for last is soon done, whoever does it.
        todo = groups([len(waveform) for waveform in waveforms])[::-1]
        clips = [[waveforms[index] for index in group] for group in todo]
        found: dict[int, Frames] = {}
        with ThreadPoolExecutor(self._graph.streams) as pool:
            for group, outputs in zip(todo, pool.map(self._outputs, clips), strict=True):
                _, embeddings, _, *heads = outputs
                for row, index in enumerate(group):
                    count = frame_count(len(waveforms[index]))
                    logits = heads[0][row, :count] if heads else None
                    found[index] = embeddings[row, :count], logits
        return [found[index] for index in range(len(waveforms))]

    def _outputs(self, clips: Sequence[FloatArray]) -> list[FloatArray]:
        return self._graph.call(*padded(clips))


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A file, opened by a runtime.

    Attributes:
        call: Runs it, in any thread; the outputs are the caller's.
        streams: How many calls at once are fastest.
        metadata: What the file says of itself.
    """

    call: Call
    metadata: Mapping[str, str]
    streams: int = 1


def open_onnxruntime(path: Path, *, device: str | None) -> Graph:
    """Open a graph with ONNX Runtime.

    Raises:
        OptionsError: If it has no such device.
        MissingExtraError: If it is not installed.
        ExportError: If it cannot run the file.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(
            "onnx: needs ONNX Runtime: pip install 'emo2vec-plugins[onnx]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its warnings are of its own optimisations
    options.intra_op_num_threads = _threads()
    try:
        session = onnxruntime.InferenceSession(
            path, options, providers=_providers(device, onnxruntime.get_available_providers())
        )
    except OptionsError:
        raise
    except Exception as error:
        raise ExportError(f"{path}: ONNX Runtime cannot open it: {_first_line(error)}") from error

    if device not in (None, "cpu") and "CUDAExecutionProvider" not in session.get_providers():
        raise OptionsError(
            f"ONNX Runtime could not start on device {device!r}; it would use the CPU"
        )

    def call(waveforms: FloatArray, lengths: npt.NDArray[np.int64]) -> list[FloatArray]:
        found: list[FloatArray] = session.run(None, {"waveforms": waveforms, "lengths": lengths})
        return found

    return Graph(call=call, metadata=session.get_modelmeta().custom_metadata_map)


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
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError(
            "openvino: needs OpenVINO: pip install 'emo2vec-plugins[openvino]'"
        ) from error
    if device not in (None, "cpu"):
        raise OptionsError(f"OpenVINO runs on the CPU here, device {device!r} was asked for")
    core = openvino.Core()
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if dtype in CAPABILITIES and CAPABILITIES[dtype] not in able:
        raise OptionsError(
            f"this processor has no {dtype} arithmetic, only {', '.join(able)}; use float32 or int8"
        )
    fastest = "bf16" if "BF16" in able else "f32"
    streams = min(_threads(), MOST_STREAMS)
    settings = {
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(_threads()),
        "INFERENCE_PRECISION_HINT": PRECISIONS.get(dtype, fastest),
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(BLOCK if dtype == "int8" else 0),
    }
    free: SimpleQueue[Any] = SimpleQueue()
    try:
        model = core.read_model(path)
        compiled = core.compile_model(model, "CPU", settings)
        for _ in range(streams):
            free.put(compiled.create_infer_request())
    except Exception as error:
        raise ExportError(f"{path}: OpenVINO cannot open it: {_first_line(error)}") from error
    count = len(model.outputs)

    def call(waveforms: FloatArray, lengths: npt.NDArray[np.int64]) -> list[FloatArray]:
        request = free.get()
        try:
            request.infer({"waveforms": waveforms, "lengths": lengths})
            # Copies: the next call uses the same memory.
            return [request.get_output_tensor(index).data.copy() for index in range(count)]
        finally:
            free.put(request)

    return Graph(call=call, metadata=_openvino_metadata(model), streams=streams)


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
