"""Model folders from the Hugging Face hub and from ModelScope."""

from __future__ import annotations

from pathlib import Path

from emo2vec_plugins.errors import MissingExtraError, ModelNotFoundError
from emo2vec_plugins.models.checkpoint import CONFIG, TOKENS, WEIGHTS, ModelFolder

FILES = (CONFIG, TOKENS, *WEIGHTS)
"""All that is fetched; a repository's examples and pictures are not."""

ADVICE = (
    "pass a folder that holds config.yaml, model.pt or model.safetensors, and tokens.txt, copied "
    "from a machine with network; or use the embedded model, 'tiny'"
)


def fetch_huggingface(identifier: str) -> ModelFolder:
    """Fetch a model from the Hugging Face hub, or from its cache.

    ``HF_HUB_OFFLINE``, ``HF_HOME`` and ``HF_TOKEN`` do what they do everywhere.

    Raises:
        ModelNotFoundError: If it is neither cached nor to be had.
    """
    import huggingface_hub

    try:
        path = Path(huggingface_hub.snapshot_download(identifier, allow_patterns=list(FILES)))
    except Exception as error:
        if huggingface_hub.constants.HF_HUB_OFFLINE:  # the hub's own advice is to unset it
            raise ModelNotFoundError(
                f"{identifier!r} is neither a folder nor in the cache, and HF_HUB_OFFLINE is set: "
                f"the Hugging Face hub was not asked; {ADVICE}"
            ) from error
        raise _unreachable("Hugging Face", identifier, error) from error
    revision = path.name if path.parent.name == "snapshots" else None
    return ModelFolder(path=path, name=identifier, revision=revision)


def fetch_modelscope(identifier: str) -> ModelFolder:
    """Fetch a model from ModelScope, or from its cache.

    Raises:
        ModelNotFoundError: If it is neither cached nor to be had.
        MissingExtraError: If the ``funasr`` extra, which brings ModelScope, is not installed.
    """
    try:
        from modelscope.hub.snapshot_download import snapshot_download
    except ImportError as error:
        raise MissingExtraError(
            f"{identifier!r} is on ModelScope: pip install 'emo2vec-plugins[funasr]', "
            f"or use 'emotion2vec/{identifier.rpartition('/')[2]}' of the Hugging Face hub"
        ) from error
    try:
        path = Path(snapshot_download(identifier, allow_patterns=list(FILES)))
    except Exception as error:
        raise _unreachable("ModelScope", identifier, error) from error
    return ModelFolder(path=path, name=identifier)


def _unreachable(hub: str, identifier: str, error: Exception) -> ModelNotFoundError:
    first = (str(error).splitlines() or [""])[0]
    return ModelNotFoundError(
        f"{identifier!r} is neither a folder nor in the cache, and the {hub} hub did not give it "
        f"({type(error).__name__}: {first}); {ADVICE}"
    )
