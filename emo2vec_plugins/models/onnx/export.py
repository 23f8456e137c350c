"""Export of a model to a self-contained ONNX file, checked before it replaces an existing file."""

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

from emo2vec_plugins.core import Backend, FloatArray, LabelSet, Provenance, import_extra, shown
from emo2vec_plugins.engine import RECEPTIVE
from emo2vec_plugins.errors import ExportError, FormatError, LabelError, OptionsError
from emo2vec_plugins.files import from_json, staging
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.models.doubt import FittedDoubt, doubt_of
from emo2vec_plugins.models.onnx.graph_backend import padded
from emo2vec_plugins.models.onnx.network import CLIPS, HEAD_OUTPUTS, OUTPUTS, PaddedNetwork
from emo2vec_plugins.models.onnx.quantize import quantize
from emo2vec_plugins.models.onnx.runtimes import Graph, open_onnxruntime
from emo2vec_plugins.models.torch_backend import TorchBackend

DTYPES = ("float32", "int8")
"""Data types for weights."""

OPSET = 17
"""The first opset with layer norm as one operator."""

TOLERANCE = 1e-4
"""Largest allowed difference between a float32 graph and torch."""

ALIKE = 0.99
"""Smallest allowed cosine between the utterance embeddings of an int8 graph and torch."""

FRONT_END = "matrices."
"""Prefix of the convolution weights. They are quantised only in the published layout, where a norm
scales the input of each layer but the first, which is too narrow for blocks. In a filter bank,
inputs are powers of sound, and eight bits cover only 48 dB."""

FACTS = "emo2vec"
"""Key of this package's JSON in the metadata of the file."""

EXAMPLES = (RECEPTIVE, 16_000, 8_123)
"""Lengths of the clips for checking a file: one frame, one second, an odd number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """How closely a graph matches torch, on noise.

    Attributes:
        difference: Largest absolute difference of frame embeddings and frame logits.
        cosine: Smallest cosine of utterance embeddings.
    """

    difference: float
    cosine: float


def export(backend: Backend, path: Path, *, dtype: str = "float32") -> Export:
    """Export a model to an ONNX file atomically, after comparing it with torch.

    Inputs are ``waveforms``, (clips, samples), float32, normalised and padded with zeros, and
    ``lengths``, (clips,), int64. Both dimensions are dynamic. For the outputs see
    `PaddedNetwork`.

    Args:
        backend: A torch model in float32.
        path: The file; an existing file is replaced if it is one of ours and unchanged.
        dtype: Data type of the weights, ``float32`` or ``int8``.

    Raises:
        OptionsError: If the model is not a torch model in float32, or *dtype* is invalid.
        MissingExtraError: If onnx or onnxruntime is not installed.
        ExportError: If the results of the graph differ from torch.
        OverwriteError: If the file must not be replaced.
        OSError: If the file cannot be written.
    """
    with staging(path) as part:
        write_graph(backend, part, dtype=dtype)
        result = compare(backend, open_onnxruntime(part, device="cpu"))
        _check(result, dtype, path)
    return result


def write_graph(backend: Backend, path: Path, *, dtype: str) -> None:
    """Write the file without checking it.

    Raises:
        OptionsError, MissingExtraError, OSError: As `export`.
    """
    if dtype not in DTYPES:
        raise OptionsError(f"dtype of an exported graph must be float32 or int8, got {dtype!r}")
    if not isinstance(backend, TorchBackend) or backend.provenance.dtype != "float32":
        kind = f"{type(backend).__name__} in {backend.provenance.dtype}"
        raise OptionsError(f"only a torch model in float32 can be exported, got {kind}")
    onnx = import_extra("onnx", extra="onnx", purpose="exporting a graph")
    network = backend.network
    if backend.device.type != "cpu":
        network = copy.deepcopy(network).cpu()  # the back end keeps its network
    _trace(PaddedNetwork(network), path)
    model = onnx.load(path)
    if dtype == "int8":
        published = network.config.conv_layers == Config().conv_layers
        quantize(model, keep=() if published else (FRONT_END,))
    facts = {"width": backend.width, "normalize": backend.normalize, "dtype": dtype}
    facts["provenance"] = backend.provenance.to_dict()
    facts["doubt"] = backend.doubt and backend.doubt.to_document()
    onnx.helper.set_model_props(model, {FACTS: json.dumps(facts, ensure_ascii=False)})
    model.producer_name = "emo2vec_plugins"
    onnx.save(model, path)


def read_facts(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Return the metadata that `write_graph` added, with a `Provenance` and a `FittedDoubt`.

    Files of earlier versions have no measure of doubt: then it is None.

    Raises:
        ExportError: If the file lacks it, because another program wrote the file, or it is invalid.
    """
    if FACTS not in metadata:
        raise ExportError(
            f"{path}: expected an ONNX file written by 'emo2vec export', with the metadata key "
            f"{FACTS!r}, got the keys {', '.join(sorted(metadata)) or '(none)'}"
        )
    facts = from_json(metadata[FACTS], where=f"{path}: metadata {FACTS!r}")
    expected = {"width": int, "normalize": bool, "dtype": str, "provenance": dict}
    if not isinstance(facts, dict) or not all(
        isinstance(facts.get(name), kind) for name, kind in expected.items()
    ):
        found = f"expected {', '.join(expected)} in the metadata {FACTS!r}, got {shown(facts)}"
        raise ExportError(f"{path}: {found}")
    provenance = _provenance(facts["provenance"], path)
    doubt = _doubt(facts, path, classes=len(provenance.tokens))
    return facts | {"provenance": provenance, "doubt": doubt}


def _doubt(facts: Mapping[str, Any], path: Path, *, classes: int) -> FittedDoubt | None:
    if facts.get("doubt") is None:
        return None
    try:
        where = f"{path}: doubt"
        return doubt_of(facts["doubt"], width=facts["width"], classes=classes, where=where)
    except FormatError as error:
        raise ExportError(str(error)) from error


def _provenance(values: Mapping[str, Any], path: Path) -> Provenance:
    tokens = values.get("tokens")
    texts = [value for name, value in values.items() if name not in ("tokens", "revision")]
    is_valid = isinstance(values.get("model"), str) and isinstance(tokens, list)
    if not is_valid or not all(isinstance(each, str) for each in (*texts, *(tokens or ()))):
        raise ExportError(f"{path}: expected the provenance of a model, got {shown(values)}")
    try:
        LabelSet.from_tokens(tokens or ())
    except LabelError as error:
        raise ExportError(f"{path}: {error}") from error
    return Provenance.from_dict(values)


def compare(backend: Backend, graph: Graph) -> Export:
    """Compare torch with a graph on clips of noise."""
    # torch runs the clips one by one, the graph runs them together, so that padding is tested.
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
    # NumPy's max and min propagate NaN; with Python's, a broken graph would look exact.
    return Export(difference=float(np.max(differences)), cosine=float(np.min(cosines)))


def _trace(network: PaddedNetwork, path: Path) -> None:
    outputs = OUTPUTS | ({} if network.network.proj is None else HEAD_OUTPUTS)
    lengths = torch.tensor(EXAMPLES)
    with warnings.catch_warnings(), torch.inference_mode():
        # torch warns about every number treated as a constant; all of them belong to the network.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(len(lengths), int(lengths.max())), lengths),
            str(path),
            # The newer exporter needs another library and cannot prove that there are any frames.
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


def _check(result: Export, dtype: str, path: Path) -> None:
    # "not <=" and "not >=" also reject NaN.
    if dtype == "float32" and not result.difference <= TOLERANCE:
        raise ExportError(
            f"{path} was not written: expected a difference from torch of at most {TOLERANCE} on "
            f"noise, got {result.difference:.3g}"
        )
    if dtype == "int8" and not result.cosine >= ALIKE:
        raise ExportError(
            f"{path} was not written: expected a cosine of at least {ALIKE} between the int8 "
            f"embeddings and torch's on noise, got {result.cosine:.4f}; use float32"
        )


def _cosine(a: FloatArray, b: FloatArray) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-30))
