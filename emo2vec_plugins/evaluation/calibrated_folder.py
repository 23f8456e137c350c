"""Copies of model folders with the head divided by a temperature, so that every loader benefits.

Logits are linear in the head's weight and bias, and scores are the softmax of the logits. Dividing
weight and bias by T therefore calibrates the scores and changes neither labels nor embeddings. A copy
may also get a measure of doubt, in ``doubt.json``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from emo2vec_plugins import models
from emo2vec_plugins.core import Plugins, as_plugins
from emo2vec_plugins.errors import CheckpointError, ModelNotFoundError
from emo2vec_plugins.files import read_text, staging, write_whole

CARD = "README.md"
HEAD = ("proj.weight", "proj.bias")
"""The tensors to divide by the temperature."""

_OWN = {models.CONFIG, models.TOKENS, models.DOUBT, CARD, "configuration.json", *models.WEIGHTS}
_COPIED = {".md", ".txt", ".csv", ".json", ".yaml", ".png", ""}
"""Suffixes of files to copy: licences, tables and pictures stay valid for the calibrated model.

Weights in other formats are not copied, because they would give the old scores.
"""
_SECTIONS = re.compile(
    r"^## (?:Calibration\n\nThe head's weight and bias of |Doubt\n\n`doubt\.json` estimates ).*?(?=^##? |\Z)",
    re.MULTILINE | re.DOTALL,
)
"""The sections of an earlier calibration in a card, which describe another temperature and doubt."""
_OUTDATED = {"evaluation.json"}
"""Files that describe the old scores and are not copied."""


def model_folder(name: str, *, plugins: Plugins | None = None) -> models.ModelFolder:
    """Return the folder of a model, given a name as for `load_model`; download it if needed.

    Raises:
        ModelNotFoundError: If the model does not exist, or is not a folder in the published
            layout.
    """
    way, colon, source = name.partition(":")
    if colon and way == "torch":
        return models.find_folder(source)
    known = as_plugins(plugins).models().keys() - {"tiny", *models.PUBLISHED}
    if name in known or (colon and way in known):
        expected = "expected a model folder in the published layout"
        raise ModelNotFoundError(f"{expected}, got {name!r}: no access to the weights of its head")
    return models.find_folder(name)


def save_calibrated(
    source: Path,
    target: Path,
    *,
    temperature: float,
    section: str,
    doubt: models.FittedDoubt | None = None,
) -> None:
    """Write a copy of a model folder with the head divided by *temperature*, atomically.

    Weights are written as ``model.pt``, which FunASR also loads. Tokens keep their order. Text
    files and pictures are copied, except ``evaluation.json`` and ``doubt.json``, which describe the
    old scores.

    Args:
        source: A model folder in the published layout.
        target: The folder to write, which must not exist.
        temperature: A positive number.
        section: Markdown to append to the model card, in place of the sections of an earlier calibration.
        doubt: A measure of doubt for the new scores.

    Raises:
        CheckpointError: If *target* exists, or *source* is not a model or has no head.
        ConfigError: If the configuration describes another network.
        OSError: If something cannot be read or written.
    """
    check_target(target)
    weights = next((source / name for name in models.WEIGHTS if (source / name).is_file()), None)
    if weights is None:
        expected = " or ".join(models.WEIGHTS[:2])
        raise CheckpointError(f"{source}: expected weights in {expected}, found none")
    tensors = models.read_tensors(weights)
    if not tensors.keys() >= set(HEAD):
        raise CheckpointError(
            f"{source}: expected a model with a head ({', '.join(HEAD)}), found none"
        )
    for name in HEAD:
        # Divide in double precision, so that weights are rounded only once.
        tensors[name] = (tensors[name].double() / temperature).to(tensors[name].dtype)
    path = source / CARD
    card = _SECTIONS.sub("", read_text(path)).rstrip() if path.is_file() else ""
    with staging(target) as copy:
        models.save_folder(
            copy,
            config=models.read_config(source / models.CONFIG),
            tensors=tensors,
            tokens=models.read_tokens(source / models.TOKENS),
            card=f"{card}\n\n{section}".lstrip(),
        )
        if doubt is not None:
            document = json.dumps(doubt.to_document(), indent=2) + "\n"
            write_whole(copy / models.DOUBT, document, locked=True)
        for each in sorted(source.iterdir()):
            is_copied = each.name not in _OWN | _OUTDATED and each.suffix.lower() in _COPIED
            if is_copied and each.is_file():
                write_whole(copy / each.name, each.read_bytes(), locked=True)


def check_target(target: Path) -> None:
    """Check that a folder can be written.

    Raises:
        CheckpointError: If it exists.
    """
    if target.exists() or target.is_symlink():
        raise CheckpointError(f"{target}: already exists; choose a new folder")
