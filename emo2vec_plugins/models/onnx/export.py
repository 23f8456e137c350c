"""A model's network as an ONNX file, with all that running it needs, checked before it is there."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emo2vec_plugins.core import Backend, FloatArray, Provenance, import_extra
from emo2vec_plugins.engine import RECEPTIVE
from emo2vec_plugins.errors import ExportError, OptionsError
from emo2vec_plugins.files import staging
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.models.onnx.graph_backend import padded
from emo2vec_plugins.models.onnx.network import CLIPS, HEAD_OUTPUTS, OUTPUTS, PaddedNetwork
from emo2vec_plugins.models.onnx.quantize import quantize
from emo2vec_plugins.models.onnx.runtimes import Graph, open_onnxruntime
from emo2vec_plugins.models.torch_backend import TorchBackend

DTYPES = ("float32", "int8")
"""What weights can be written as."""

OPSET = 17
"""The first with layer norm as one operator."""

TOLERANCE = 1e-4
"""How far a float32 graph may be from torch."""

ALIKE = 0.99
"""Least cosine of an int8 graph's utterance embeddings with torch's."""

FRONT_END = "matrices."
"""Weights of the convolutions, which stay in floats but for the published layout. There each but
the first, which is too narrow for blocks, reads what a norm has scaled. In a filter bank powers of
sound pass, and eight bits hold 48 dB."""

FACTS = "emo2vec"
"""Key of the file's metadata under which our own lie, as JSON."""

EXAMPLES = (RECEPTIVE, 16_000, 8_123)
"""Lengths of the clips that a file is checked with: one frame, a second, an odd number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """How near a graph is to torch, on noise.

    Attributes:
        difference: The greatest of frame embeddings and logits.
        cosine: The least of utterance embeddings.
    """

    difference: float
    cosine: float


def export(backend: Backend, path: Path, *, dtype: str = "float32") -> Export:
    """Write a model's network as an ONNX file, complete and checked, or not at all.

    Inputs are ``waveforms``, (clips, samples), float32, normalised and padded with zeros, and
    ``lengths``, (clips,), int64; both dimensions are free. Outputs are those of `PaddedNetwork`.

    Args:
        backend: A model that torch runs in float32.
        path: Replaced if it is there.
        dtype: Of the weights, ``float32`` or ``int8``.

    Raises:
        OptionsError: If the model is not torch's in float32, or there is no such dtype.
        MissingExtraError: Without onnx or onnxruntime.
        ExportError: If the file does not do what torch does.
        OSError: If it cannot be written.
    """
    with staging(path) as part:
        write_graph(backend, part, dtype=dtype)
        result = compare(backend, open_onnxruntime(part, device="cpu"))
        _refuse(result, dtype, path)
    return result


def write_graph(backend: Backend, path: Path, *, dtype: str) -> None:
    """Write the file, unchecked.

    Raises:
        OptionsError, MissingExtraError, OSError: As `export`.
    """
    if dtype not in DTYPES:
        raise OptionsError(f"a graph's weights are float32 or int8, got {dtype!r}")
    if not isinstance(backend, TorchBackend) or backend.provenance.dtype != "float32":
        kind = f"{type(backend).__name__} in {backend.provenance.dtype}"
        raise OptionsError(f"a model that torch runs in float32 can be exported, got {kind}")
    onnx = import_extra("onnx", extra="onnx", purpose="exporting a graph")
    network = backend.network
    if backend.device.type != "cpu":
        network = copy.deepcopy(network).cpu()  # the back end goes on with its own
    _trace(PaddedNetwork(network), path)
    model = onnx.load(path)
    if dtype == "int8":
        published = network.config.conv_layers == Config().conv_layers
        quantize(model, keep=() if published else (FRONT_END,))
    facts = {"width": backend.width, "normalize": backend.normalize, "dtype": dtype}
    facts["provenance"] = backend.provenance.to_dict()
    onnx.helper.set_model_props(model, {FACTS: json.dumps(facts, ensure_ascii=False)})
    model.producer_name = "emo2vec_plugins"
    onnx.save(model, path)


def read_facts(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Return what `write_graph` wrote beside the graph, the provenance as an object.

    Raises:
        ExportError: If the file has none: another program made it.
    """
    if FACTS not in metadata:
        raise ExportError(
            f"{path}: an ONNX file by 'emo2vec export' was expected, which says its classes and "
            f"width in its metadata; this one has {', '.join(sorted(metadata)) or 'none'}"
        )
    facts: dict[str, Any] = json.loads(metadata[FACTS])
    return facts | {"provenance": Provenance.from_dict(facts["provenance"])}


def compare(backend: Backend, graph: Graph) -> Export:
    """Run clips of noise through torch, one by one, and through a graph, together."""
    # Alone and together: what padding changes is a difference, too.
    random = np.random.default_rng(0)
    waveforms = [random.standard_normal(length).astype(np.float32) for length in EXAMPLES]
    _, frame_embeddings, embeddings, *rest = graph.call(*padded(waveforms))
    differences, cosines = [], []
    for row, waveform in enumerate(waveforms):
        ((expected, logits),) = backend.run([waveform])
        pairs = [(expected, frame_embeddings)]
        if logits is not None:
            pairs.append((logits, rest[0]))
        for theirs, ours in pairs:
            differences.append(np.abs(ours[row, : len(theirs)] - theirs).max())
        cosines.append(_cosine(embeddings[row], expected.mean(axis=0)))
    # numpy's extremes: Python's max and min pass over NaN, a broken graph would look exact.
    return Export(difference=float(np.max(differences)), cosine=float(np.min(cosines)))


def _trace(network: PaddedNetwork, path: Path) -> None:
    outputs = OUTPUTS | ({} if network.network.proj is None else HEAD_OUTPUTS)
    lengths = torch.tensor(EXAMPLES)
    with warnings.catch_warnings(), torch.inference_mode():
        # torch warns of every number that it takes for constant, all of which are the network's.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(len(lengths), int(lengths.max())), lengths),
            str(path),
            # The newer exporter wants a library of its own, and cannot see that there are frames.
            dynamo=False,
            opset_version=OPSET,
            input_names=["waveforms", "lengths"],
            output_names=list(outputs),
            dynamic_axes={
                "waveforms": {0: "clips", 1: "samples"},
                "lengths": CLIPS,
                **outputs,
            },
        )


def _refuse(result: Export, dtype: str, path: Path) -> None:
    # "not <=" and "not >=": NaN is refused.
    if dtype == "float32" and not result.difference <= TOLERANCE:
        raise ExportError(
            f"{path} was not written: on noise the graph differs from torch by "
            f"{result.difference:.3g}, {TOLERANCE} is allowed"
        )
    if dtype == "int8" and not result.cosine >= ALIKE:
        raise ExportError(
            f"{path} was not written: on noise the cosine of the int8 graph's embeddings with "
            f"torch's is {result.cosine:.4f}, {ALIKE} is the least allowed; use float32"
        )


def _cosine(a: FloatArray, b: FloatArray) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-30))
