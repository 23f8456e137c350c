"""FunASR's network as a back end: ``funasr:FOLDER``, one clip at a time.

It is the reference for parity tests. With ``allow=("code",)`` it can run any emotion2vec model that
FunASR can load.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo2vec_plugins.core import (
    Backend,
    FloatArray,
    Frames,
    LabelSet,
    NamedModel,
    Permissions,
    Provenance,
    hookimpl,
    import_extra,
    shown,
)
from emo2vec_plugins.errors import CheckpointError, ConfigError, FormatError, OptionsError

if TYPE_CHECKING:
    from emo2vec_plugins.models import Config

_KEYS = {"model", "model_conf", "tokenizer", "tokenizer_conf", "scope_map"}
"""Keys of every published configuration. Others may name code, further models or files."""


@hookimpl
def emo2vec_models() -> list[NamedModel]:
    """Offer ``funasr:FOLDER_OR_HUB_ID``, the reference implementation."""
    return [
        NamedModel(
            name="funasr",
            description="the reference implementation, one clip at a time (extra: funasr)",
            load=_load,
            needs_source=True,
        )
    ]


def _load(source: str, *, device: str | None, dtype: str, allow: tuple[str, ...] = ()) -> Backend:
    if dtype != "float32":
        raise OptionsError(f"expected float32 as dtype of a funasr: model, got {dtype}")
    from emo2vec_plugins.models import find_folder

    folder = find_folder(source)
    with _readable(folder.path, Permissions(allow=allow)) as path:
        return FunasrBackend(_auto_model(path, device, folder.path), folder.name)


def _auto_model(path: Path, device: str | None, folder: Path) -> Any:
    # FunASR prints notices to stdout, which is for results.
    with redirect_stdout(sys.stderr):
        funasr = import_extra("funasr", extra="funasr", purpose="the reference implementation")
        try:
            return funasr.AutoModel(**_arguments(path, device))
        except Exception as error:
            why = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]:.300}"
            raise CheckpointError(f"{folder}: FunASR cannot load it: {why}") from error


@contextmanager
def _readable(folder: Path, permissions: Permissions) -> Iterator[Path]:
    """Yield a folder that FunASR reads without running code: a copy of what it needs.

    FunASR evaluates a part of config.yaml as Python, and imports or downloads what config.yaml and
    configuration.json name. So it gets new files with the values that our strict readers found. If
    the user allows code, it gets the folder itself.
    """
    if "code" in permissions.allow:
        yield folder
        return
    from emo2vec_plugins import models

    config = _checked_config(folder, permissions)
    weights = next((folder / name for name in models.WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise CheckpointError(f"{folder}: no {' or '.join(models.WEIGHTS[:2])}")
    tensors, tokens = models.read_tensors(weights), models.read_tokens(folder / models.TOKENS)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        copy = Path(scratch) / "model"
        models.save_folder(copy, config=config, tensors=tensors, tokens=tokens)
        yield copy


def _checked_config(folder: Path, permissions: Permissions) -> Config:
    """Return the network that a folder describes.

    Raises:
        CheckpointError: If there is no configuration.
        NotAllowedError: If FunASR would do more with it than build a network that we know.
    """
    from emo2vec_plugins.files import from_yaml, read_text
    from emo2vec_plugins.models import CONFIG, read_config

    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError(f"{folder}: no {CONFIG}; expected an emotion2vec model folder")
    try:
        config = read_config(path)
        others = from_yaml(read_text(path), where=str(path)).keys() - _KEYS
    except (ConfigError, FormatError) as error:
        found = f"a configuration that FunASR may evaluate as Python ({error})"
        permissions.check("code", found, where=folder)
        raise
    if others:
        named = ", ".join(sorted(map(shown, others)))
        permissions.check("code", f"the keys {named}, with which FunASR runs code", where=path)
    return config


def _arguments(folder: Path, device: str | None) -> dict[str, Any]:
    # FunASR accesses a hub if the folder lacks configuration.json. Naming every file avoids this.
    tokens = folder / "tokens.txt"
    return {
        "model": str(folder),
        "device": device or "cpu",
        "disable_update": True,
        "disable_pbar": True,
        "disable_log": True,
        "log_level": "ERROR",
    } | ({"tokenizer_conf": {"token_list": str(tokens)}} if tokens.exists() else {})


class FunasrBackend:
    """Runs FunASR's ``Emotion2vec`` on one waveform at a time.

    Args:
        model: A ``funasr.AutoModel`` of an emotion2vec.
        name: Name of the model in results.
    """

    batch_seconds = 30.0

    def __init__(self, model: Any, name: str) -> None:
        self._network = model.model.eval()
        self._device = next(self._network.parameters()).device
        tokenizer = model.kwargs.get("tokenizer")
        tokens = tuple(tokenizer.token_list) if self._network.proj is not None else ()
        self.labels = LabelSet.from_tokens(tokens)
        self.width = int(self._network.cfg.embed_dim)
        self.normalize = bool(self._network.cfg.normalize)
        self.provenance = Provenance(model=f"funasr:{name}", tokens=tokens)

    def run(self, waveforms: Sequence[FloatArray]) -> list[Frames]:
        """Return the frames of each waveform, in order."""
        return [self._frames(waveform) for waveform in waveforms]

    def _frames(self, waveform: FloatArray) -> Frames:
        import torch

        with torch.inference_mode():
            source = torch.from_numpy(waveform)[None].to(self._device)
            x = self._network.extract_features(source, padding_mask=None)["x"][0]
            head = self._network.proj
            return x.cpu().numpy(), None if head is None else head(x).cpu().numpy()
