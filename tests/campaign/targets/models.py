"""Model folders: configuration, tokens, weights in both containers; label maps."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import save_file

from campaign.readers import Reader, refused
from emo2vec_plugins import LabelMap, load_model
from emo2vec_plugins.models import export, read_tensors
from emo2vec_plugins.models.published import TINY


def readers(scratch: Path) -> list[Reader]:
    """Return a reader for each file of a model, with the other files intact."""
    files = {path.name: path.read_bytes() for path in sorted(TINY.iterdir()) if path.is_file()}
    save_file(read_tensors(TINY / "model.pt"), scratch / "model.safetensors")
    safe = {"model.safetensors": (scratch / "model.safetensors").read_bytes()}
    rest = {name: data for name, data in files.items() if name != "model.pt"}
    folders = {
        "config.yaml": ("yaml", files),
        "tokens.txt": ("lines", files),
        "model.pt": ("torch", files),
        "model.safetensors": ("safetensors", rest | safe),
    }
    found = []
    for name, (shape, content) in folders.items():
        others = {other: data for other, data in content.items() if other != name}
        found.append(Reader(name, name, shape, content[name], partial(_load, name), others))
        if name in ("config.yaml", "tokens.txt") and find_spec("funasr"):
            loader = partial(_load, name, loader="funasr:")
            found.append(Reader(f"funasr {name}", name, shape, content[name], loader, others))
    labels = b"happiness: happy\nanger: angry\nnoise: null\n"
    if find_spec("onnxruntime") and find_spec("onnx"):
        export(load_model("tiny", device="cpu"), scratch / "tiny.onnx")
        graph = (scratch / "tiny.onnx").read_bytes()
        found.append(Reader("tiny.onnx", "tiny.onnx", "onnx", graph, _load_graph))
    return [*found, Reader("labels.yaml", "labels.yaml", "yaml", labels, _label_map)]


def _load(file: str, folder: Path, loader: str = "") -> str:
    # A mismatch of two files names one of them, or their folder.
    named = folder / file if file.startswith("model") else folder
    with torch.inference_mode():
        return refused(lambda: load_model(f"{loader}{folder}", device="cpu"), named)


def _load_graph(folder: Path) -> str:
    path = folder / "tiny.onnx"
    return refused(lambda: load_model(f"onnx:{path}"), path)


def _label_map(folder: Path) -> str:
    path = folder / "labels.yaml"
    return refused(lambda: LabelMap.read(path), path)
