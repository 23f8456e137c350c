"""What loading a pyannote pipeline would run, checked before pyannote does.

A pipeline's configuration names Python classes, and pyannote calls them with the given arguments.
Its models are pickles, which pyannote 4 reads with ``weights_only=False``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import Permissions, shown
from emo2vec_plugins.errors import FormatError, ModelNotFoundError
from emo2vec_plugins.files import from_yaml, read_text

CONFIG = "config.yaml"

OWNERS = ("pyannote/", "pyannoteai/")
"""Owners on the hub whose pipelines are trusted by their name; pyannote's own code relies on them."""

_PIPELINES = {
    f"pyannote.audio.pipelines.{name}"
    for name in (
        "SpeakerDiarization",
        "speaker_diarization.SpeakerDiarization",
        "SpeechSeparation",
        "speech_separation.SpeechSeparation",
    )
}
"""Classes that only build a pipeline."""

_MODELS = ("segmentation", "embedding", "plda", "separation", "checkpoint")
"""Parameters that name a model."""

_PICKLES = (".bin", ".ckpt", ".pkl", ".pt", ".pth")


def check_pipeline(checkpoint: Any, permissions: Permissions, *, subfolder: str | None) -> None:
    """Check what a pipeline's files may do.

    Args:
        checkpoint: A folder, a configuration file, its content, or an identifier on the hub.
        permissions: What is allowed.
        subfolder: Subfolder with the configuration.

    Raises:
        NotAllowedError: If the pipeline needs more: ``code`` for other classes than pyannote's,
            ``pickles`` for models. Pipelines of pyannote's own account on the hub need nothing.
            If the configuration is a pipe or a device.
        ModelNotFoundError: If the configuration cannot be read.
    """
    if "code" in permissions.allow:  # which may read pickles, too
        return
    if isinstance(checkpoint, Mapping):
        _check(checkpoint, "the configuration", permissions)
        return
    path = Path(checkpoint)
    pickles: list[Path] = []
    if path.is_dir():
        pickles = [each for each in sorted(path.rglob("*")) if each.suffix.lower() in _PICKLES]
        path = path / (subfolder or "") / CONFIG
        Permissions().check_file(path)  # reading a named pipe would block
    elif not path.is_file():
        if not os.fspath(checkpoint).lower().startswith(OWNERS):
            what = f"a pipeline of an account on the hub other than pyannote's, {checkpoint}"
            permissions.check("code", what)
        return
    try:
        document = from_yaml(read_text(path), where=str(path))
    except (FormatError, OSError) as error:
        raise ModelNotFoundError(f"cannot load the diarization pipeline: {error}") from error
    _check(document, str(path), permissions)
    for file in pickles:
        permissions.check("pickles", f"the pickle {file.name!r}", where=file.parent)


def _check(document: Any, where: str, permissions: Permissions) -> None:
    pipeline = document.get("pipeline") if isinstance(document, Mapping) else None
    if not isinstance(pipeline, Mapping) or not isinstance(pipeline.get("name"), str):
        raise ModelNotFoundError(
            f"{where}: expected the configuration of a pyannote pipeline, with pipeline: name"
        )
    if pipeline["name"] not in _PIPELINES:
        permissions.check("code", f"the class {shown(pipeline['name'])}", where=where)
    if "preprocessors" in document:
        permissions.check("code", "preprocessors, which are classes to call", where=where)
    for name in _models(pipeline.get("params")):
        # "$model/NAME" is a part of this pipeline.
        if not (name.startswith("$model/") or name.lower().startswith(OWNERS) or _exists(name)):
            permissions.check("code", f"the model {shown(name)} of another account", where=where)
        permissions.check("pickles", f"the model {shown(name)}", where=where)


def _models(params: Any, *, named: bool = False) -> Iterator[str]:
    """Yield every string among the parameters that may name a model.

    Args:
        params: Parameters, or the value of one.
        named: Whether it is the value of a parameter for a model.
    """
    if isinstance(params, str):
        if named or "/" in params or os.sep in params or _exists(params):
            yield params
    elif isinstance(params, Mapping):
        for name, value in params.items():
            yield from _models(value, named=name in _MODELS)
    elif isinstance(params, list | tuple):
        for value in params:
            yield from _models(value, named=named)


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False
