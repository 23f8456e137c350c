"""The loaders ``onnx:SOURCE`` and ``openvino:SOURCE``.

A source is a file written by ``emo2vec export``, or any torch model, which is exported each time it
is loaded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from emo2vec_plugins.core import Backend, NamedModel, Plugins, hookimpl, load_model
from emo2vec_plugins.errors import ModelNotFoundError, OptionsError
from emo2vec_plugins.files import expanded

SUFFIX = ".onnx"
"""Suffix of exported files."""

DTYPES = {
    "onnx": ("float32", "int8"),
    "openvino": ("float32", "bfloat16", "float16", "int8"),
}
"""Data types of each runtime; ``int8`` applies to weights only."""


@hookimpl
def emo2vec_models() -> list[NamedModel]:
    """Offer the loaders ``onnx`` and ``openvino``."""
    described = {"onnx": "ONNX Runtime, float32 or int8", "openvino": "OpenVINO, fastest on a CPU"}
    return [
        NamedModel(
            name=name,
            description=f"{text}; an exported file or a model (extra: {name})",
            load=partial(_load, name),
            needs_source=True,
        )
        for name, text in described.items()
    ]


def _load(
    runtime: str,
    source: str,
    *,
    device: str | None,
    dtype: str,
    plugins: Plugins | None = None,
    allow: tuple[str, ...] = (),
) -> Backend:
    if dtype not in DTYPES[runtime]:
        raise OptionsError(f"{runtime}: supports {', '.join(DTYPES[runtime])}, got dtype {dtype!r}")
    from emo2vec_plugins.models.onnx.export import read_facts
    from emo2vec_plugins.models.onnx.graph_backend import GraphBackend
    from emo2vec_plugins.models.onnx.runtimes import OPENERS

    with _file(source, dtype, plugins=plugins, allow=allow) as path:
        graph = OPENERS[runtime](path, device=device, dtype=dtype)
        facts = read_facts(graph.metadata, path)
    if (facts["dtype"] == "int8") != (dtype == "int8"):
        advice = "use int8" if dtype != "int8" else "use another, or export the model as int8"
        raise OptionsError(f"{source} has {facts['dtype']} weights, got dtype {dtype!r}; {advice}")
    return GraphBackend(graph, facts, name=runtime, dtype=dtype)


@contextmanager
def _file(
    source: str, dtype: str, *, plugins: Plugins | None, allow: tuple[str, ...]
) -> Iterator[Path]:
    """Yield an exported file: the source itself, or a temporary export."""
    if source.endswith(SUFFIX):
        path = expanded(source)
        if not path.is_file():
            raise ModelNotFoundError(f"{source}: no such file; write one with 'emo2vec export'")
        yield path
        return
    from emo2vec_plugins.models.onnx.export import write_graph

    # Cleanup errors are ignored, because on Windows a runtime may keep the file mapped.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / f"model{SUFFIX}"
        backend = load_model(source, device="cpu", plugins=plugins, allow=allow)
        write_graph(backend, path, dtype="int8" if dtype == "int8" else "float32")
        yield path
