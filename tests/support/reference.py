"""FunASR's network with random tensors, saved in the published layout."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from emo2vec_plugins.models.checkpoint import save_folder
from emo2vec_plugins.models.config import Config, to_document

TOKENS = (
    "生气/angry",
    "厌恶/disgusted",
    "恐惧/fearful",
    "开心/happy",
    "中立/neutral",
    "其他/other",
    "难过/sad",
    "吃惊/surprised",
    "<unk>",
)

CONVOLUTIONS = ((24, 10, 5), *[(24, 3, 2)] * 4, *[(24, 2, 2)] * 2)
SMALL = Config(
    width=48,
    heads=6,  # not a power of two, so that the slopes of the attention bias use both series
    prenet_depth=1,
    depth=2,
    conv_layers=CONVOLUTIONS,
    position_groups=4,
)
LARGE = Config()
BASE = Config(width=768, heads=12)


def random_reference(config: Config, classes: int, *, seed: int = 0) -> Any:
    """Return FunASR's network with random values in every tensor.

    Default initialisation leaves norms, biases and scales constant, which would hide errors in
    reading them. Matrices keep activations near unit variance. Half of the scales of the
    attention bias are negative, which the network must clamp.
    """
    from funasr.models.emotion2vec.model import Emotion2vec

    tokens = TOKENS[:classes]
    network = Emotion2vec(**to_document(config, tokens), vocab_size=classes or -1).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            spread = 1.0
            if tensor.ndim > 1 and "alibi" not in name and "extra" not in name:
                spread = tensor[0].numel() ** -0.5
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * spread)
    return network


def save_reference(path: Path, config: Config, tokens: tuple[str, ...] = TOKENS) -> Any:
    """Save a random reference in the published layout, and return its network."""
    network = random_reference(config, len(tokens))
    save_folder(path, config=config, tensors=network.state_dict(), tokens=tokens)
    return network


def auto_model(path: Path) -> Any:
    """Load a folder with FunASR's public interface."""
    from funasr import AutoModel

    level = logging.root.level
    model = AutoModel(
        model=str(path),
        device="cpu",
        ncpu=torch.get_num_threads(),  # by default it sets four threads for the whole process
        disable_update=True,
        disable_pbar=True,
        log_level="ERROR",
    )
    logging.root.setLevel(level)
    return model
