"""Finding models: the embedded model, the published models, folders and hubs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Backend, NamedModel, hookimpl, import_extra, switch_off_telemetry
from emo2vec_plugins.errors import ModelNotFoundError
from emo2vec_plugins.files import expanded

if TYPE_CHECKING:
    from emo2vec_plugins.models.checkpoint import ModelFolder

TINY = Path(__file__).with_name("tiny")
"""The folder of the embedded model."""

PUBLISHED = {
    "emotion2vec_plus_large": "nine classes, 162 M parameters",
    "emotion2vec_plus_base": "nine classes, smaller and faster",
    "emotion2vec_plus_seed": "nine classes, first iteration of the series",
    "emotion2vec_base": "embeddings only, no classes",
}
"""Names and descriptions of the models at https://huggingface.co/emotion2vec."""

_ADVICE = (
    "pass a folder with config.yaml, model.pt or model.safetensors, and tokens.txt, copied from a "
    "machine with network access; or use the embedded model, 'tiny'"
)


@hookimpl
def emo2vec_models() -> list[NamedModel]:
    """Offer ``tiny``, the published models, and ``torch:FOLDER_OR_HUB_ID``."""
    embedded = "embedded; four classes, acted German; for demos and tests"
    anything = "a model folder, a Hugging Face id, or a ModelScope id (iic/...)"
    return [
        NamedModel(name="tiny", description=embedded, load=partial(_load, str(TINY))),
        *(
            NamedModel(
                name=name,
                description=f"{text} (Hugging Face hub)",
                load=partial(_load, f"emotion2vec/{name}"),
            )
            for name, text in PUBLISHED.items()
        ),
        NamedModel(name="torch", description=anything, load=_load, needs_source=True),
    ]


def _load(source: str, _: None = None, *, device: str | None, dtype: str) -> Backend:
    from emo2vec_plugins.models.checkpoint import load_folder

    return load_folder(find_folder(source), device=device, dtype=dtype)


def find_folder(source: str) -> ModelFolder:
    """Return the folder of a model, downloaded from its hub if needed.

    Folders need no network access, nor do hub identifiers with ``HF_HUB_OFFLINE`` set.
    Identifiers that start with ``iic/`` are ModelScope's, all others Hugging Face's.

    Args:
        source: ``tiny``, the name of a published model, a path, or a hub identifier. Write a
            folder with one of these names as ``./tiny``.

    Raises:
        ModelNotFoundError: If *source* is none of these, or its hub cannot be reached.
        MissingExtraError: If the model is on ModelScope and the extra ``funasr`` is not installed.
    """
    from emo2vec_plugins.models.checkpoint import ModelFolder

    if source == "tiny":
        return ModelFolder(path=TINY, name=source)
    if source in PUBLISHED:
        source = f"emotion2vec/{source}"
    # Local folders come first, so that the name of a folder never starts a download.
    path = expanded(source)
    if path.is_dir():
        return ModelFolder(path=path, name=path.resolve().name)
    if path.is_file():
        if path.suffix == ".onnx":
            raise ModelNotFoundError(
                f"{source!r} is an exported graph: use onnx:{source} or openvino:{source}"
            )
        raise ModelNotFoundError(f"expected a model folder, got the file {source!r}")
    if path.is_absolute() or source.startswith(("./", "../", "~")):
        raise ModelNotFoundError(f"no such folder: {source!r}")
    parts = source.split("/")
    if len(parts) != 2 or not all(parts):
        raise ModelNotFoundError(
            f"{source!r} is not a model name ('emo2vec models' lists them), a folder, or a hub "
            "identifier such as 'emotion2vec/emotion2vec_plus_large'"
        )
    return _from_modelscope(source) if parts[0] == "iic" else _from_huggingface(source)


def _from_huggingface(identifier: str) -> ModelFolder:
    """Download a model or find it in the cache; ``HF_HOME`` and ``HF_TOKEN`` apply as usual."""
    switch_off_telemetry()
    import huggingface_hub

    from emo2vec_plugins.models.checkpoint import FILES, ModelFolder

    try:
        path = Path(huggingface_hub.snapshot_download(identifier, allow_patterns=list(FILES)))
    except Exception as error:
        if huggingface_hub.constants.HF_HUB_OFFLINE:  # the hub's own message advises to unset it
            raise ModelNotFoundError(
                f"{identifier!r} is neither a folder nor in the cache, and HF_HUB_OFFLINE forbids "
                f"a download from the Hugging Face hub; {_ADVICE}"
            ) from error
        raise _unreachable("Hugging Face", identifier, error) from error
    # In the cache, the folder of a snapshot is named after its commit.
    revision = path.name if path.parent.name == "snapshots" else None
    return ModelFolder(path=path, name=identifier, revision=revision)


def _from_modelscope(identifier: str) -> ModelFolder:
    """Download a model or find it in the cache."""
    from emo2vec_plugins.models.checkpoint import FILES, ModelFolder

    hub = import_extra(
        "modelscope.hub.snapshot_download",
        extra="funasr",
        purpose=f"the ModelScope model {identifier!r}",
        otherwise=f"use 'emotion2vec/{identifier.rpartition('/')[2]}' from the Hugging Face hub",
    )
    try:
        path = Path(hub.snapshot_download(identifier, allow_patterns=list(FILES)))
    except Exception as error:
        raise _unreachable("ModelScope", identifier, error) from error
    return ModelFolder(path=path, name=identifier)


def _unreachable(hub: str, identifier: str, error: Exception) -> ModelNotFoundError:
    first = (str(error).splitlines() or [""])[0]
    return ModelNotFoundError(
        f"{identifier!r} is neither a folder nor in the cache, and the download from the {hub} hub "
        f"failed ({type(error).__name__}: {first}); {_ADVICE}"
    )
