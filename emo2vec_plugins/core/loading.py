"""Loading models by name."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import Any

from emo2vec_plugins.core.backend import Backend, NamedModel
from emo2vec_plugins.core.messages import did_you_mean, kind_of
from emo2vec_plugins.core.permissions import Permissions
from emo2vec_plugins.core.plugins import Plugins, as_plugins
from emo2vec_plugins.errors import ModelNotFoundError, OptionsError, PluginError, contained

DEFAULT_MODEL = "emotion2vec_plus_large"
"""The model that commands use by default."""

FOLDERS = "torch"
"""The loader for names that are not registered: a folder or a model identifier of a hub."""


def load_model(
    name: str | os.PathLike[str] = DEFAULT_MODEL,
    *,
    device: str | None = None,
    dtype: str = "float32",
    plugins: Plugins | None = None,
    allow: tuple[str, ...] = (),
) -> Backend:
    """Return the model called *name*; never falls back to another model.

    Args:
        name: One of these: a registered name, as ``emo2vec models`` lists them; a folder with
            config.yaml, weights and tokens.txt; a hub identifier such as
            ``emotion2vec/emotion2vec_plus_base`` or ``iic/emotion2vec_plus_base``; or
            ``loader:source``, to open a source with a registered loader. A path object is
            always a folder.
        device: ``cpu``, ``cuda`` or ``cuda:1``; None for CUDA if available, else the CPU.
        dtype: ``float32``, ``bfloat16`` or ``float16``; ``int8`` for ``onnx:`` and ``openvino:``.
        plugins: Plugins to use; default: the installed ones.
        allow: What the model's files may do, names in `emo2vec_plugins.core.KINDS`: ``code`` and
            ``pickles``.

    Raises:
        ModelNotFoundError: If the model does not exist, or its hub cannot be reached.
        NotAllowedError: If the model's files would do more than *allow*.
        CheckpointError, ConfigError: If the model's files are invalid.
        MissingExtraError: If the model needs a library that is not installed.
        PluginError: If the plugin that offers the model does not return a back end.
    """
    named = f"{FOLDERS}:{Path(name).absolute()}" if isinstance(name, os.PathLike) else name
    allowed = Permissions(allow=allow).allow
    models = as_plugins(plugins).models()
    more = {"plugins": plugins, "allow": allowed}
    with contained(f"loading the model {named!r}"):
        backend = _load(named, models, {"device": device, "dtype": dtype}, more)
    if isinstance(backend, type) or not callable(getattr(backend, "run", None)):
        raise PluginError(
            f"load() of model {named!r} must return a back end, an object with run(), "
            f"got {kind_of(backend)}"
        )
    if plugins is None:
        sha256 = backend.provenance.sha256
        _remember(backend, LoadedModel(_absolute(named, models), device, dtype, sha256, allowed))
    return backend


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """How a back end was loaded; picklable, so that another process can load it too.

    Attributes:
        name: Argument of `load_model`, with absolute paths.
        device: Argument of `load_model`.
        dtype: Argument of `load_model`.
        sha256: Digest of the weights.
        allow: Argument of `load_model`.
    """

    name: str
    device: str | None
    dtype: str
    sha256: str = ""
    allow: tuple[str, ...] = ()

    def load(self) -> Backend:
        """Return the model; repeated calls in one process load it once.

        Raises:
            ModelNotFoundError: If the model with this name now has other weights.
        """
        return _loaded_once(self)


def loaded_model(backend: Backend) -> LoadedModel:
    """Return how a back end was loaded.

    Raises:
        OptionsError: If it did not come from `load_model`, or was loaded with ``plugins=...``,
            because plugins do not pickle.
    """
    found = _loaded.get(id(backend))
    if found is None:
        raise OptionsError(
            f"{type(backend).__name__} cannot be sent to another process: load it with "
            "load_model(...), without plugins=..."
        )
    # The current device: the back end may have been moved since it was loaded.
    device = getattr(backend, "device", found.device)
    return replace(found, device=None if device is None else str(device))


_loaded: dict[int, LoadedModel] = {}
"""By identity, because back ends may be unhashable."""


@lru_cache(maxsize=1)
def _loaded_once(model: LoadedModel) -> Backend:
    # maxsize=1: a worker that switches models must not keep the weights of all of them.
    backend = load_model(model.name, device=model.device, dtype=model.dtype, allow=model.allow)
    if backend.provenance.sha256 != model.sha256:
        raise ModelNotFoundError(
            f"{model.name!r} has different weights here: expected sha256 {model.sha256}, "
            f"got {backend.provenance.sha256}"
        )
    return backend


def _remember(backend: Backend, model: LoadedModel) -> None:
    try:
        weakref.finalize(backend, _loaded.pop, id(backend), None)
    except TypeError:
        return  # a class with slots: without a weak reference, its id could be reused unnoticed
    _loaded[id(backend)] = model


def _absolute(name: str, models: Mapping[str, NamedModel]) -> str:
    """Return a name for the same model that is valid in any working directory."""
    if name in models:
        return name
    loader, colon, source = name.partition(":")
    loader, source = (loader, source) if colon and loader in models else (FOLDERS, name)
    if source in models and loader != FOLDERS:  # openvino:tiny is the model even if ./tiny exists
        return name
    return f"{loader}:{Path(source).resolve()}" if Path(source).exists() else name


def _load(
    name: str, models: Mapping[str, NamedModel], how: dict[str, Any], more: dict[str, Any]
) -> Backend:
    loader, colon, source = name.partition(":")
    if name in models and not models[name].needs_source:
        return _call(models[name], None, how, more)
    if colon and loader in models:
        if not models[loader].needs_source:
            raise ModelNotFoundError(f"model {loader!r} takes no source, got {source!r}")
        return _call(models[loader], source, how, more)
    if name in models:
        raise ModelNotFoundError(f"model {name!r} needs a source: '{name}:FOLDER'")
    if FOLDERS not in models:  # a plugin's wrapper may have failed the built-in loader
        raise ModelNotFoundError(
            f"no plugin offers the model {name!r}, and the loader for folders ({FOLDERS}:) is missing"
        )
    try:
        return _call(models[FOLDERS], name, how, more)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f"{error}{did_you_mean(name, models)}") from error


def _call(
    model: NamedModel, source: str | None, how: dict[str, Any], more: dict[str, Any]
) -> Backend:
    """Call ``load`` with the optional arguments that it declares, as pluggy calls hooks."""
    try:
        declared = {*signature(model.load).parameters}
    except ValueError:  # a function in C may not have a signature
        declared = set()
    wanted = {name: value for name, value in more.items() if name in declared}
    return model.load(source, **how, **wanted)
