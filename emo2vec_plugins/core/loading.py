"""From a model's name to a back end."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from emo2vec_plugins.core.backend import Backend, NamedModel
from emo2vec_plugins.core.hints import did_you_mean
from emo2vec_plugins.core.plugins import Plugins, as_plugins
from emo2vec_plugins.errors import ModelNotFoundError, OptionsError

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
    named = f"{FOLDERS}:{os.fspath(name)}" if isinstance(name, os.PathLike) else name
    models = as_plugins(plugins).models()
    backend = _load(named, device=device, dtype=dtype, models=models)
    if plugins is None:
        sha256 = backend.provenance.sha256
        _remember(backend, LoadedModel(_absolute(named, models), device, dtype, sha256))
    return backend


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """How a back end was loaded, so that another process can load it, too; pickles.

    Attributes:
        name: As `load_model` takes it; paths are absolute.
        device: As `load_model` takes it.
        dtype: As `load_model` takes it.
        sha256: Digest of its weights.
    """

    name: str
    device: str | None
    dtype: str
    sha256: str = ""

    def load(self) -> Backend:
        """Load the model, once in a process however often it is asked for.

        Raises:
            ModelNotFoundError: If there is another model of this name by now.
        """
        return _loaded_once(self)


def loaded_model(backend: Backend) -> LoadedModel:
    """Return how a back end was loaded.

    Raises:
        OptionsError: If it did not come from `load_model`, or the caller's own plugins, which do
            not pickle, were used.
    """
    found = _loaded.get(id(backend))
    if found is None:
        raise OptionsError(
            f"{type(backend).__name__} cannot be loaded again by name: only a model that "
            "load_model(...) gave, without plugins=..., can go to another process"
        )
    # Where it is now: a back end may have been moved since it was loaded.
    device = getattr(backend, "device", found.device)
    return replace(found, device=None if device is None else str(device))


_loaded: dict[int, LoadedModel] = {}
"""By identity, since back ends need not be hashable."""


@lru_cache(maxsize=1)
def _loaded_once(model: LoadedModel) -> Backend:
    # One: a worker that changes models must not keep the weights of all of them.
    backend = load_model(model.name, device=model.device, dtype=model.dtype)
    if backend.provenance.sha256 != model.sha256:
        raise ModelNotFoundError(
            f"{model.name!r} has other weights here: expected sha256 {model.sha256}, "
            f"found {backend.provenance.sha256}"
        )
    return backend


def _remember(backend: Backend, model: LoadedModel) -> None:
    try:
        weakref.finalize(backend, _loaded.pop, id(backend), None)
    except TypeError:
        return  # a class with slots: without a weak reference, its id may be another's one day
    _loaded[id(backend)] = model


def _absolute(name: str, models: Mapping[str, NamedModel]) -> str:
    """Return a name that means the same model to a process that works in another folder."""
    if name in models:
        return name
    way, colon, source = name.partition(":")
    way, source = (way, source) if colon and way in models else (FOLDERS, name)
    if source in models and way != FOLDERS:  # openvino:tiny is the model, also beside ./tiny
        return name
    return f"{way}:{Path(source).resolve()}" if Path(source).exists() else name


def _load(
    name: str, *, device: str | None, dtype: str, models: Mapping[str, NamedModel]
) -> Backend:
    way, colon, source = name.partition(":")
    if name in models and not models[name].needs_source:
        return models[name].load(None, device=device, dtype=dtype)
    if colon and way in models:
        return models[way].load(source, device=device, dtype=dtype)
    if name in models:
        raise ModelNotFoundError(f"model {name!r} needs a source: '{name}:FOLDER'")
    if FOLDERS not in models:  # a plugin may have broken what offers it
        raise ModelNotFoundError(f"no plugin offers {name!r}, and none loads folders ({FOLDERS}:)")
    try:
        return models[FOLDERS].load(name, device=device, dtype=dtype)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f"{error}{did_you_mean(name, models)}") from error
