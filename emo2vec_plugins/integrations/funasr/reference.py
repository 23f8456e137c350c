"""FunASR's network as a back end: ``funasr:FOLDER``, one clip at a time.

It is the reference for parity tests, and can run any emotion2vec model that FunASR can load.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import (
    Backend,
    FloatArray,
    Frames,
    LabelSet,
    NamedModel,
    Provenance,
    hookimpl,
    import_extra,
)
from emo2vec_plugins.errors import OptionsError


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


def _load(source: str, *, device: str | None, dtype: str) -> Backend:
    if dtype != "float32":
        raise OptionsError(f"expected float32 as dtype of a funasr: model, got {dtype}")
    from emo2vec_plugins.models import find_folder

    folder = find_folder(source)
    # FunASR prints notices to stdout, which is for results.
    with redirect_stdout(sys.stderr):
        funasr = import_extra("funasr", extra="funasr", purpose="the reference implementation")
        model = funasr.AutoModel(**_arguments(folder.path, device))
    return FunasrBackend(model, folder.name)


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
