"""FunASR's network as a back end: ``funasr:FOLDER``, one clip at a time.

It is the reference for parity tests. With ``allow=("code",)`` it can run any emotion2vec model that
FunASR can load.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import (
    Backend,
    DoubtMeasure,
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
from emo2vec_plugins.errors import CheckpointError, ConfigError, OptionsError

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
    from emo2vec_plugins.models import find_folder, read_doubt, trust_of

    folder = find_folder(source)
    with _readable(folder.path, Permissions(allow=allow)) as path:
        model = _auto_model(path, device, folder.path)
        backend = FunasrBackend(model, folder.name)
    tokens = backend.provenance.tokens
    trust = trust_of(folder.path, folder.name, tokens)
    backend.provenance = replace(backend.provenance, trust=trust)
    backend.doubt = read_doubt(folder.path, width=backend.width, classes=len(tokens))
    return backend


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

    _check_config(folder, permissions)
    found = models.load_folder(
        models.ModelFolder(path=folder, name=folder.name), device="cpu", dtype="float32"
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        copy = Path(scratch) / "model"
        models.save_folder(
            copy,
            config=found.network.config,
            tensors=found.network.state_dict(),
            tokens=found.provenance.tokens,
        )
        yield copy


def _check_config(folder: Path, permissions: Permissions) -> None:
    """Check that FunASR would only build a network with a configuration.

    Raises:
        ConfigError: If it is no configuration.
        NotAllowedError: If FunASR would run code to read it, or for what it names.
    """
    from emo2vec_plugins.files import read_yaml
    from emo2vec_plugins.models import CONFIG, ExpressionError, read_config

    path = folder / CONFIG
    if not path.is_file():
        return  # loading names everything that is missing
    document = read_yaml(path, dict, expected="a model's configuration", wrong=ConfigError)
    if others := document.keys() - _KEYS:
        named = ", ".join(sorted(map(shown, others)))
        permissions.check("code", f"the keys {named}, with which FunASR runs code", where=path)
    try:
        read_config(path)
    except ConfigError as error:
        if isinstance(error.__cause__, ExpressionError):
            what = f"layers that FunASR evaluates as Python ({error.__cause__})"
            permissions.check("code", what, where=path)
        raise


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

    Attributes:
        doubt: Its measure of doubt; None if it has none.
    """

    batch_seconds = 30.0
    doubt: DoubtMeasure | None = None

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
