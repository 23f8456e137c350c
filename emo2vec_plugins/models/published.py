"""The models by name: the embedded one, the published ones, and folders and hubs in general."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Backend, NamedModel, hookimpl
from emo2vec_plugins.errors import ModelNotFoundError

if TYPE_CHECKING:
    from emo2vec_plugins.models.checkpoint import ModelFolder

TINY = Path(__file__).with_name("tiny")
"""The folder of the embedded model."""

PUBLISHED = {
    "emotion2vec_plus_large": "nine classes, 162 M parameters: the one to use",
    "emotion2vec_plus_base": "nine classes, smaller and faster",
    "emotion2vec_plus_seed": "nine classes, the first iteration of the series",
    "emotion2vec_base": "embeddings alone, without a head",
}


@hookimpl
def emo2vec_models() -> list[NamedModel]:
    """Offer ``tiny``, the published models, and ``torch:FOLDER_OR_HUB_ID``."""
    tiny = NamedModel(
        name="tiny",
        description="embedded; four classes of acted German; for trying out and tests",
        load=_load_tiny,
    )
    published = [
        NamedModel(
            name=name,
            description=f"{text} (Hugging Face hub)",
            load=partial(_load_source, f"emotion2vec/{name}"),
        )
        for name, text in PUBLISHED.items()
    ]
    anything = NamedModel(
        name="torch",
        description="a model folder, a Hugging Face id, or a ModelScope id (iic/...)",
        load=_load_any,
        needs_source=True,
    )
    return [tiny, *published, anything]


def _load_tiny(_: str | None, *, device: str | None, dtype: str) -> Backend:
    from emo2vec_plugins.models.checkpoint import ModelFolder, load_folder

    return load_folder(ModelFolder(path=TINY, name="tiny"), device=device, dtype=dtype)


def _load_source(source: str, _: str | None, *, device: str | None, dtype: str) -> Backend:
    return _load_any(source, device=device, dtype=dtype)


def _load_any(source: str, *, device: str | None, dtype: str) -> Backend:
    from emo2vec_plugins.models.checkpoint import load_folder

    return load_folder(find(source), device=device, dtype=dtype)


def find(source: str) -> ModelFolder:
    """Return the folder that *source* names: a path, or a hub's identifier, fetched if needed.

    A folder makes no network call, nor does a hub's identifier under ``HF_HUB_OFFLINE``.

    Raises:
        ModelNotFoundError: If it is neither, or its hub cannot be reached.
        MissingExtraError: If it is ModelScope's and the ``funasr`` extra is not installed.
    """
    from emo2vec_plugins.models import hubs
    from emo2vec_plugins.models.checkpoint import ModelFolder

    path = Path(source).expanduser()
    if path.is_dir():
        return ModelFolder(path=path, name=path.resolve().name)
    if path.is_file():
        if path.suffix == ".onnx":
            raise ModelNotFoundError(f"{source!r} is a graph: onnx:{source} or openvino:{source}")
        raise ModelNotFoundError(f"{source!r} is a file; give the folder that it lies in")
    if path.is_absolute() or source.startswith(("./", "../", "~")):
        raise ModelNotFoundError(f"no such folder: {source!r}")
    parts = source.split("/")
    if len(parts) != 2 or not all(parts):
        raise ModelNotFoundError(
            f"{source!r} is neither a model's name ('emo2vec models' lists them), nor a folder, "
            "nor a hub's identifier like 'emotion2vec/emotion2vec_plus_large'"
        )
    return hubs.fetch_modelscope(source) if parts[0] == "iic" else hubs.fetch_huggingface(source)
