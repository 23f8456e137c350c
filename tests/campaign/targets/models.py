"""Model folders: configuration, tokens, weights in both containers; label maps."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file

from campaign.readers import Reader, refused
from emo2vec_plugins import LabelMap, load_model
from emo2vec_plugins.models import read_tensors
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
        "model.pt": ("bytes", files),
        "model.safetensors": ("bytes", rest | safe),
    }
    found = []
    for name, (shape, content) in folders.items():
        others = {other: data for other, data in content.items() if other != name}
        found.append(Reader(name, name, shape, content[name], partial(_load, name), others))
    labels = b"happiness: happy\nanger: angry\nnoise: null\n"
    return [*found, Reader("labels.yaml", "labels.yaml", "yaml", labels, _label_map)]


def _load(file: str, folder: Path) -> str:
    with torch.inference_mode():
        return refused(lambda: load_model(folder), folder / file)


def _label_map(folder: Path) -> str:
    path = folder / "labels.yaml"
    return refused(lambda: LabelMap.read(path), path)
