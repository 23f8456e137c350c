"""Graphs as models: ``onnx:SOURCE`` and ``openvino:SOURCE``.

A source is a file that ``emo2vec export`` wrote, or any model that torch can run, which is then
exported each time it is loaded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Backend, NamedModel, hookimpl, load_model
from emo2vec_plugins.errors import ModelNotFoundError, OptionsError

if TYPE_CHECKING:
    from emo2vec_plugins.models.onnx.runtimes import Graph

SUFFIX = ".onnx"
"""Of files that are run as they are."""


@hookimpl
def emo2vec_models() -> list[NamedModel]:
    """Offer both runtimes."""
    return [
        NamedModel(
            name="onnx",
            description="ONNX Runtime, float32 or int8; an exported file or a model (extra: onnx)",
            load=partial(_load, "onnx", ("float32", "int8"), _onnxruntime),
            needs_source=True,
        ),
        NamedModel(
            name="openvino",
            description="OpenVINO, fastest on a CPU; an exported file or a model (extra: openvino)",
            load=partial(_load, "openvino", ("float32", "bfloat16", "float16", "int8"), _openvino),
            needs_source=True,
        ),
    ]


def _load(
    name: str,
    dtypes: tuple[str, ...],
    opened: Callable[[Path, str | None, str], Graph],
    source: str,
    *,
    device: str | None,
    dtype: str,
) -> Backend:
    if dtype not in dtypes:
        raise OptionsError(f"{name}: computes in {', '.join(dtypes)}, not in {dtype}")
    from emo2vec_plugins.models.onnx.export import read_facts
    from emo2vec_plugins.models.onnx.runtimes import GraphBackend

    with _file(source, dtype) as path:
        graph = opened(path, device, dtype)
        facts = read_facts(graph.metadata, path)
    if (facts["dtype"] == "int8") != (dtype == "int8"):
        raise OptionsError(
            f"{source} has weights in {facts['dtype']}, {dtype} was asked for; its dtype is to be "
            f"{'int8' if facts['dtype'] == 'int8' else 'another, or the file another export'}"
        )
    return GraphBackend(graph, facts, name=name, dtype=dtype)


@contextmanager
def _file(source: str, dtype: str) -> Iterator[Path]:
    """Yield an exported file: the source itself, or one that lasts until it is opened."""
    if source.endswith(SUFFIX):
        path = Path(source).expanduser()
        if not path.is_file():
            raise ModelNotFoundError(f"{source}: no such file; 'emo2vec export' writes one")
        yield path
        return
    from emo2vec_plugins.models.onnx.export import write_graph

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / f"model{SUFFIX}"
        backend = load_model(source, device="cpu")
        write_graph(backend, path, dtype="int8" if dtype == "int8" else "float32")
        yield path


def _onnxruntime(path: Path, device: str | None, _: str) -> Graph:
    from emo2vec_plugins.models.onnx.runtimes import open_onnxruntime

    return open_onnxruntime(path, device=device)


def _openvino(path: Path, device: str | None, dtype: str) -> Graph:
    from emo2vec_plugins.models.onnx.runtimes import open_openvino

    return open_openvino(path, device=device, dtype=dtype)
