"""What loading a pyannote pipeline would run, checked before pyannote does.

A pipeline's configuration names Python classes, and pyannote calls them with the given arguments.
Its models are pickles, which pyannote 4 reads with ``weights_only=False``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import Permissions, shown
from emo2vec_plugins.errors import FormatError, ModelNotFoundError
from emo2vec_plugins.files import from_yaml, read_text

CONFIG = "config.yaml"

OWNERS = ("pyannote/", "pyannoteai/")
"""Owners on the hub whose pipelines are trusted by their name; pyannote's own code relies on them."""

_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*(@\S+)?")

_LOCAL = ("pyannote", "pyannoteAI", "speechbrain")
"""Owners of the models of trusted pipelines. pyannote prefers a local path to the hub."""

_SEPARATION = {"embedding": "speechbrain/spkrec-ecapa-voxceleb"}

_PIPELINES: dict[str, dict[str, str]] = {
    f"pyannote.audio.pipelines.{name}": models
    for name, models in (
        ("SpeakerDiarization", {}),
        ("speaker_diarization.SpeakerDiarization", {}),
        ("SpeechSeparation", _SEPARATION),
        ("speech_separation.SpeechSeparation", _SEPARATION),
    )
}
"""Classes that only build a pipeline, with their default models of other accounts."""

_MODELS = ("segmentation", "embedding", "plda", "separation", "checkpoint")
"""Parameters that name a model."""


def check_pipeline(
    checkpoint: Any, permissions: Permissions, *, subfolder: str | None = None
) -> None:
    """Check that a pipeline may exist, and what its files may do.

    Args:
        checkpoint: A folder, a configuration file, its content, or an identifier on the hub.
        permissions: What is allowed.
        subfolder: Subfolder with the configuration.

    Raises:
        NotAllowedError: If the pipeline needs more: ``code`` for other classes than pyannote's,
            else ``pickles``. Pipelines of pyannote's own account on the hub need nothing, unless
            the working directory has a file or folder with the name of such an account. If the
            configuration is a pipe or a device.
        ModelNotFoundError: If the configuration cannot be read, or the name is a missing path.
    """
    is_name = not (isinstance(checkpoint, Mapping) or _exists(checkpoint))
    if is_name and not _HUB_NAME.fullmatch(os.fspath(checkpoint)):
        raise ModelNotFoundError(
            f"{checkpoint}: no such file or folder; expected the folder or config.yaml of a "
            "diarization pipeline, or its identifier on the hub, owner/name"
        )
    if "code" in permissions.allow:  # which may read pickles, too
        return
    if is_name:
        _check_name(os.fspath(checkpoint), permissions)
    elif isinstance(checkpoint, Mapping):
        _check(checkpoint, "the configuration", permissions)
    else:
        path = Path(checkpoint)
        _check_file(path / (subfolder or "") / CONFIG if path.is_dir() else path, permissions)


def _check_name(name: str, permissions: Permissions) -> None:
    if not name.lower().startswith(OWNERS):
        what = f"a pipeline of an account on the hub other than pyannote's, {name}"
        permissions.check("code", what)
    for local in filter(_exists, _LOCAL):
        what = "files that pyannote would load instead of models on the hub with such names"
        permissions.check("pickles", what, where=Path(local).absolute())


def _check_file(path: Path, permissions: Permissions) -> None:
    Permissions().check_file(path)  # reading a named pipe would block
    try:
        document = from_yaml(read_text(path), where=str(path))
    except (FormatError, OSError) as error:
        raise ModelNotFoundError(f"cannot load the diarization pipeline: {error}") from error
    _check(document, str(path), permissions)


def _check(document: Any, where: str, permissions: Permissions) -> None:
    pipeline: Any = document.get("pipeline") if isinstance(document, Mapping) else None
    name = pipeline.get("name") if isinstance(pipeline, Mapping) else None
    if not isinstance(name, str):
        raise ModelNotFoundError(
            f"{where}: expected the configuration of a pyannote pipeline, with pipeline: name"
        )
    if name not in _PIPELINES:
        permissions.check("code", f"the class {shown(name)}", where=where)
    if "preprocessors" in document:
        permissions.check("code", "preprocessors, which are classes to call", where=where)
    given = pipeline.get("params")
    params = given if isinstance(given, Mapping) else {}  # pyannote fails for others
    for model in _models({**_PIPELINES[name], **params}):
        # "$model/NAME" is a part of this pipeline.
        if not (model.startswith("$model/") or model.lower().startswith(OWNERS) or _exists(model)):
            permissions.check("code", f"the model {shown(model)} of another account", where=where)
    # Even without parameters: the default models of the class may be local files, too.
    permissions.check("pickles", f"{shown(name)}, which reads models as pickles", where=where)


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


def _exists(name: Any) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False
