"""From a model's name to a back end."""

from __future__ import annotations

import os
from difflib import get_close_matches

from emo2vec_plugins.core.backend import Backend
from emo2vec_plugins.core.plugins import Plugins, as_plugins
from emo2vec_plugins.errors import ModelNotFoundError

DEFAULT_MODEL = "emotion2vec_plus_large"
"""What commands use unless told otherwise."""

FOLDERS = "torch"
"""The way to load what is not a registered name: a folder or a hub's identifier."""


def load_model(
    name: str | os.PathLike[str] = DEFAULT_MODEL,
    *,
    device: str | None = None,
    dtype: str = "float32",
    plugins: Plugins | None = None,
) -> Backend:
    """Load a model by name; never falls back to another one.

    Args:
        name: A registered name (``emo2vec models`` lists them), a folder with config.yaml,
            weights and tokens.txt, a hub's identifier such as
            ``emotion2vec/emotion2vec_plus_base`` or ``iic/emotion2vec_plus_base``, or
            ``way:source`` to have a registered way of loading open a source. A path object
            is always a folder.
        device: ``cpu``, ``cuda``, ``cuda:1``; the best there is if None.
        dtype: ``float32``, ``bfloat16`` or ``float16``; ``int8`` for ``onnx:`` and ``openvino:``.
        plugins: Those installed, unless given.

    Raises:
        ModelNotFoundError: If there is no such model, or its hub cannot be reached.
        CheckpointError, ConfigError: If its files are not what they should be.
        MissingExtraError: If it needs a library that is not installed.
    """
    models = as_plugins(plugins).models()
    if isinstance(name, os.PathLike):
        return models[FOLDERS].load(os.fspath(name), device=device, dtype=dtype)
    wanted = name
    way, colon, source = wanted.partition(":")
    if wanted in models and not models[wanted].needs_source:
        return models[wanted].load(None, device=device, dtype=dtype)
    if colon and way in models:
        return models[way].load(source, device=device, dtype=dtype)
    if wanted in models:
        raise ModelNotFoundError(f"model {wanted!r} needs a source: '{wanted}:FOLDER'")
    try:
        return models[FOLDERS].load(wanted, device=device, dtype=dtype)
    except ModelNotFoundError as error:
        if near := get_close_matches(wanted, models, n=1, cutoff=0.8):
            raise ModelNotFoundError(f"{error}; did you mean {near[0]!r}?") from error
        raise
