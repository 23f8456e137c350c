"""Reading and writing model folders in the published layout.

A model folder contains ``config.yaml``, the weights as ``model.safetensors`` or ``model.pt``, and,
for a model with a head, ``tokens.txt``; a calibrated model also has ``doubt.json``. Loading is strict
and never executes code from the folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import yaml
from torch import Tensor

from emo2vec_plugins._version import __version__
from emo2vec_plugins.audio import RESAMPLER
from emo2vec_plugins.core import LabelSet, Provenance, counted, shown
from emo2vec_plugins.errors import CheckpointError, FormatError, LabelError
from emo2vec_plugins.files import disk, read_text, reading, staging, write_whole
from emo2vec_plugins.models.assembly import network_of
from emo2vec_plugins.models.config import CONFIG, Config, read_config, to_document
from emo2vec_plugins.models.doubt import DOUBT, read_doubt
from emo2vec_plugins.models.pickles import load_pickle, save_pickle, why_unreadable
from emo2vec_plugins.models.torch_backend import TorchBackend
from emo2vec_plugins.models.trust import CARD, trust_of

TOKENS = "tokens.txt"
WEIGHTS = ("model.safetensors", "model.pt", "emotion2vec_base.pt")
"""File names of published weights, in order of preference."""

FILES = (CONFIG, TOKENS, *WEIGHTS, DOUBT, CARD)
"""The files to download from a hub, without examples and pictures."""

PREFIX = "d2v_model."
"""Prefix of the encoder's tensors in published checkpoints; the head has no prefix."""

_PART = 16
"""The classes in ``tokens.txt`` have this part of `emo2vec_plugins.files.read_limit`."""

_NESTED = ("model", "state_dict")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A model folder and the name of its model.

    Attributes:
        path: A folder in the published layout.
        name: Name of the model in the provenance of results.
        revision: Commit on the hub; None for other folders.
    """

    path: Path
    name: str
    revision: str | None = None


def load_folder(folder: ModelFolder, *, device: str | None, dtype: str) -> TorchBackend:
    """Load a model from a folder in the published layout.

    Args:
        folder: The folder.
        device: ``cpu``, ``cuda``, ``cuda:1`` and so on; None for CUDA if available, else the CPU.
        dtype: A key of `DTYPES`.

    Raises:
        CheckpointError: If a file is missing or unsafe to read, a tensor is missing or has the
            wrong shape, or doubt.json is of another model.
        ConfigError: If config.yaml describes a different network.
        LabelError: If two lines of tokens.txt have the same class name.
        OptionsError: If the device or dtype is not available.
    """
    config = read_config(_existing(folder.path, CONFIG))
    weights = _existing(folder.path, *WEIGHTS)
    tensors = read_tensors(weights)
    tokens = read_tokens(folder.path / TOKENS)
    _check_head(tensors, tokens, folder.path)
    network = network_of(config, tokens, tensors, weights)
    provenance = Provenance(
        model=folder.name,
        sha256=_sha256(weights),
        revision=folder.revision,
        tokens=tokens,
        resampler=RESAMPLER,
        dtype=dtype,
        version=__version__,
        trust=trust_of(folder.path, folder.name, tokens),
    )
    try:
        labels = LabelSet.from_tokens(tokens)
    except LabelError as error:
        raise LabelError(f"{folder.path / TOKENS}: {error}") from error
    return TorchBackend(
        network,
        labels=labels,
        provenance=provenance,
        device=device,
        dtype=dtype,
        doubt=read_doubt(folder.path, width=config.width, classes=len(tokens)),
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a weights file by name, without the prefix of published encoders.

    A ``.pt`` file is read with ``weights_only=True``, which rejects everything but tensors and
    plain containers. Its tensors may be at the top level or under ``model`` or ``state_dict``.
    Both file types are memory-mapped.

    Raises:
        CheckpointError: If the file cannot be read or contains no named tensors.
    """
    reading(path)
    try:
        if path.suffix == ".safetensors":
            document: Any = safetensors.torch.load_file(path)
        else:
            document = load_pickle(path)
    except Exception as error:
        raise CheckpointError(f"{path}: {why_unreadable(path, error)}") from error
    if not isinstance(document, Mapping):
        raise CheckpointError(f"{path}: expected a dict of tensors, got {type(document).__name__}")
    nested = (document.get(key) for key in _NESTED)
    document = next((each for each in nested if isinstance(each, Mapping)), document)
    named = {str(name): value for name, value in document.items() if isinstance(value, Tensor)}
    if not named:
        raise CheckpointError(
            f"{path}: contains no tensors, only {shown([*map(str, document)])[1:-1] or 'nothing'}"
        )
    return {name.removeprefix(PREFIX): tensor for name, tensor in named.items()}


def read_tokens(path: Path) -> tuple[str, ...]:
    """Return the lines of ``tokens.txt``, one class each, or an empty tuple without such a file.

    Raises:
        CheckpointError: If the file is not UTF-8 or has an empty line before its end.
    """
    if not path.exists():
        return ()
    try:
        text = read_text(path, part=_PART)
    except FormatError as error:
        raise CheckpointError(str(error)) from error
    # Editors on Windows add a byte order mark, which would be part of a class.
    tokens = tuple(line.strip() for line in text.rstrip().splitlines())
    if "" in tokens:
        raise CheckpointError(
            f"{path}: line {tokens.index('') + 1} is empty; every line must name a class"
        )
    return tokens


def save_folder(
    path: Path,
    *,
    config: Config,
    tensors: Mapping[str, Tensor],
    tokens: Sequence[str],
    card: str = "",
    weights: str = "model.pt",
) -> None:
    """Write a model folder for this package and FunASR atomically: complete or not at all.

    Args:
        path: The folder, which must not exist.
        config: The network's dimensions.
        tensors: State dict of the network, names without `PREFIX`.
        tokens: The classes, one per row of the head; empty for a model without a head.
        card: Text of README.md.
        weights: ``model.pt``, written with a ``configuration.json`` for ModelScope, or
            ``model.safetensors``, which only this package loads.

    Raises:
        CheckpointError: If *path* exists, or the tensors do not match the configuration.
        OSError: If the folder cannot be written, for example because the disk is full.
    """
    if path.exists():
        raise CheckpointError(f"{path}: exists already; choose a new folder")
    network_of(config, tokens, dict(tensors), path)  # raises if the folder would not load
    with staging(path) as folder:
        disk.make_folder(folder)
        document = yaml.safe_dump(to_document(config, tokens), sort_keys=False, allow_unicode=True)
        write_whole(folder / CONFIG, document, locked=True)
        if tokens:
            write_whole(folder / TOKENS, "\n".join(tokens), locked=True)
        if card:
            write_whole(folder / CARD, card, locked=True)
        if weights == "model.pt":
            write_whole(folder / "configuration.json", _hub_config(tokens), locked=True)
        _write_tensors(folder / weights, tensors)


def _hub_config(tokens: Sequence[str]) -> str:
    """Return ``configuration.json``, which ModelScope's pipelines and FunASR read."""
    head = {"tokenizer_conf": {"token_list": TOKENS}} if tokens else {}
    document = {
        "framework": "pytorch",
        "task": "emotion-recognition",
        "pipeline": {"type": "funasr-pipeline"},
        "model": {"type": "funasr"},
        "file_path_metas": {"init_param": "model.pt", "config": CONFIG, **head},
    }
    return json.dumps(document, indent=2) + "\n"


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    named = {
        name if name.startswith("proj.") else PREFIX + name: tensor.detach().contiguous()
        for name, tensor in tensors.items()
    }
    if path.suffix == ".safetensors":
        # Not save_file, which ignores the umask and creates a file that only its owner can read.
        write_whole(path, safetensors.torch.save(named), locked=True)
    else:
        save_pickle(path, {"model": named})


def _existing(folder: Path, *names: str) -> Path:
    """Return the first of *names* that exists in *folder*."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(
        f"{folder}: no {' or '.join(names[:2])}; a model folder must contain {CONFIG}, "
        f"{' or '.join(WEIGHTS[:2])}, and {TOKENS}"
    )


def _check_head(tensors: Mapping[str, Tensor], tokens: Sequence[str], folder: Path) -> None:
    # Separate from the check of other shapes: only tokens.txt defines the width of the head, so a
    # mistake there would build a different head instead of failing the check.
    head = tensors.get("proj.weight")
    rows = None if head is None or not head.ndim else len(head)
    if rows is None and tokens:
        raise CheckpointError(
            f"{folder}: {TOKENS} has {counted(len(tokens), 'line')}, but the weights have no head "
            f"(proj.weight); delete {TOKENS} to use the model for embeddings only"
        )
    if rows is not None and rows != len(tokens):
        raise CheckpointError(
            f"{folder}: the head has {counted(rows, 'row')}, {TOKENS} has {counted(len(tokens), 'line')}"
        )


def _sha256(path: Path) -> str:
    # In blocks, because weights may be too large to read into memory at once.
    digest = hashlib.sha256()
    block = bytearray(1 << 20)
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            digest.update(memoryview(block)[:size])
    return digest.hexdigest()
