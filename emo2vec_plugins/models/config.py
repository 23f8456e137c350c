"""Network dimensions, read from a published ``config.yaml`` without evaluating code."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emo2vec_plugins.core import shown
from emo2vec_plugins.engine import HOP, RECEPTIVE
from emo2vec_plugins.errors import ConfigError
from emo2vec_plugins.files import read_yaml
from emo2vec_plugins.models.front_end import MOST, MOST_LAYERS, ConvLayer, conv_layers

CONFIG = "config.yaml"
"""Name of the file."""

_MODEL = {
    "width": ("embed_dim", int),
    "heads": ("num_heads", int),
    "mlp_ratio": ("mlp_ratio", float),
    "depth": ("depth", int),
    "norm_eps": ("norm_eps", float),
    "norm_affine": ("norm_affine", bool),
    "normalize": ("normalize", bool),
}
"""Attributes of `Config` in ``model_conf``: the published key and its type."""

_AUDIO = {
    "prenet_depth": ("prenet_depth", int),
    "position_depth": ("conv_pos_depth", int),
    "position_width": ("conv_pos_width", int),
    "position_groups": ("conv_pos_groups", int),
    "extra_tokens": ("num_extra_tokens", int),
    "scale_per_layer": ("learned_alibi_scale_per_layer", bool),
    "scale_per_head": ("learned_alibi_scale_per_head", bool),
}
"""Attributes of `Config` in ``model_conf.modalities.audio``."""

# The only variants that this package implements. data2vec, the origin of FunASR's code, has other
# variants under the same keys.
_MODEL_KIND = {"layer_norm_first": False}
_AUDIO_KIND = {
    "extractor_mode": "layer_norm",
    "conv_pos_pre_ln": False,
    "use_alibi_encoder": True,
    "learned_alibi": False,
}

# FunASR's constructors also need these keys; inference does not depend on them.
_MODEL_TRAINING = {
    **dict.fromkeys(("activation_dropout", "attention_dropout", "dropout_input"), 0.0),
    **dict.fromkeys(("encoder_dropout", "end_drop_path_rate", "layerdrop", "loss_beta"), 0.0),
    **dict.fromkeys(("post_mlp_drop", "start_drop_path_rate"), 0.0),
    "end_of_block_targets": False,
    "loss_scale": None,
    "supported_modality": "AUDIO",
}
_AUDIO_TRAINING = {
    **dict.fromkeys(("end_drop_path_rate", "start_drop_path_rate"), 0.0),
    **dict.fromkeys(("prenet_dropout", "prenet_layerdrop"), 0.0),
    "alibi_max_pos": None,
    "alibi_scale": 1.0,
    "decoder": None,
    "init_extra_token_zero": True,
    "learned_alibi_scale": True,
    "local_grad_mult": 1.0,
    "type": "AUDIO",
}

_POSITIVE = ("width", "heads", "mlp_ratio", "position_depth", "position_width", "position_groups")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The dimensions of an emotion2vec network.

    The defaults are those in the published ``config.yaml`` of emotion2vec+ large.

    Attributes:
        width: Width of a frame throughout the transformer.
        heads: Attention heads per block.
        mlp_ratio: Width of a block's hidden layer, as a multiple of *width*.
        prenet_depth: Number of blocks in the context encoder, which runs first.
        depth: Number of blocks after the context encoder.
        conv_layers: Layers of the front end, with a receptive field of 400 samples and a hop of
            320 in total.
        position_depth: Number of positional convolutions.
        position_width: Sum of the kernel sizes of the positional convolutions.
        position_groups: Groups of each positional convolution.
        extra_tokens: Number of learned tokens before the frames of a clip.
        scale_per_layer: Whether each block has its own scale of the attention bias.
        scale_per_head: Whether each head has its own scale of the attention bias.
        norm_eps: Epsilon of the layer norms in blocks.
        norm_affine: Whether the layer norms in blocks have weights.
        normalize: Whether clips must be scaled to zero mean and unit variance first.

    Raises:
        ConfigError: If a dimension is out of range, the width is not a multiple of the heads or
            the positional groups, or the front end has a different receptive field or hop.
    """

    width: int = 1024
    heads: int = 16
    mlp_ratio: float = 4.0
    prenet_depth: int = 4
    depth: int = 8
    conv_layers: tuple[ConvLayer, ...] = ((512, 10, 5), *[(512, 3, 2)] * 4, *[(512, 2, 2)] * 2)
    position_depth: int = 5
    position_width: int = 95
    position_groups: int = 16
    extra_tokens: int = 10
    scale_per_layer: bool = False
    scale_per_head: bool = True
    norm_eps: float = 1e-5
    norm_affine: bool = True
    normalize: bool = True

    def __post_init__(self) -> None:
        for name in (*_POSITIVE, "norm_eps"):
            # Written so that NaN fails, too.
            if not 0 < getattr(self, name) <= MOST:
                raise ConfigError(
                    f"{name} must be positive and at most {MOST}, got {getattr(self, name)}"
                )
        for name in ("prenet_depth", "depth", "position_depth", "extra_tokens"):
            if getattr(self, name) > MOST_LAYERS:
                raise ConfigError(
                    f"{name} must be at most {MOST_LAYERS}, got {getattr(self, name)}"
                )
        if self.width % self.heads or self.width % self.position_groups:
            raise ConfigError(
                f"the width must be a multiple of the heads and of the positional groups, got "
                f"width {self.width}, {self.heads} heads and {self.position_groups} groups"
            )
        hop = math.prod(stride for _, _, stride in self.conv_layers)
        receptive = 1
        for _, kernel, stride in reversed(self.conv_layers):
            receptive = (receptive - 1) * stride + kernel
        # Windows, packing and durations rely on these two.
        if (hop, receptive) != (HOP, RECEPTIVE):
            raise ConfigError(
                f"feature_encoder_spec must read {RECEPTIVE} samples per frame with a hop of "
                f"{HOP}, got {receptive} with a hop of {hop}"
            )

    @property
    def position_kernel(self) -> int:
        """Kernel size of each positional convolution."""
        return max(3, self.position_width // self.position_depth)


def read_config(path: Path) -> Config:
    """Read a published ``config.yaml``.

    Raises:
        ConfigError: If the file is not YAML, has tags that would run code, lacks a value, or
            describes a network that this package does not implement.
    """
    try:
        return read_yaml(
            path, _from_document, expected="a model's configuration", wrong=ConfigError
        )
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _from_document(document: Any) -> Config:
    if _get(document, "model", str) != "Emotion2vec":
        raise ConfigError(f"model must be Emotion2vec, got {shown(document['model'])}")
    model = _get(document, "model_conf", dict)
    audio = _get(_get(model, "modalities", dict, "model_conf"), "audio", dict, "modalities")
    heads = _get(model, "num_heads", int)
    for values, kind in ((model, _MODEL_KIND), (audio, {**_AUDIO_KIND, "num_alibi_heads": heads})):
        for name, expected in kind.items():
            # A missing key has the same value as in every published emotion2vec.
            if values.get(name, expected) != expected:
                raise ConfigError(
                    f"{name} must be {expected!r}, as in every published emotion2vec, "
                    f"got {shown(values[name])}"
                )
    return Config(
        conv_layers=conv_layers(_get(audio, "feature_encoder_spec", str)),
        **{name: _get(model, *key) for name, key in _MODEL.items()},
        **{name: _get(audio, *key) for name, key in _AUDIO.items()},
    )


def _get(values: Any, name: str, kind: type, where: str = "the document") -> Any:
    if not isinstance(values, Mapping) or name not in values:
        raise ConfigError(f"{name} is missing in {where}")
    value = values[name]
    # type() instead of isinstance(): a bool is an int in Python, but invalid here.
    if kind is float and type(value) in (str, int):
        with contextlib.suppress(ValueError):
            value = float(value)  # PyYAML reads 1e-05, without a dot, as a string
    if not (type(value) is int and value >= 0 if kind is int else isinstance(value, kind)):
        raise ConfigError(f"{name} must be of type {kind.__name__}, got {shown(value)}")
    return value


def to_document(config: Config, tokens: Sequence[str] = ()) -> dict[str, Any]:
    """Return *config* in the published layout, from which FunASR builds the same network.

    Args:
        config: The dimensions.
        tokens: The classes; if empty, FunASR builds no head.
    """
    audio = {
        **_AUDIO_KIND,
        **_AUDIO_TRAINING,
        **{key: getattr(config, name) for name, (key, _) in _AUDIO.items()},
        "feature_encoder_spec": " + ".join(f"[({c}, {k}, {s})]" for c, k, s in config.conv_layers),
        "model_depth": config.depth,
        "num_alibi_heads": config.heads,
    }
    model = {
        **_MODEL_KIND,
        **_MODEL_TRAINING,
        **{key: getattr(config, name) for name, (key, _) in _MODEL.items()},
        "average_top_k_layers": config.depth,
        "modalities": {"audio": dict(sorted(audio.items()))},
    }
    document = {
        "model": "Emotion2vec",
        "model_conf": dict(sorted(model.items())),
        "scope_map": ["d2v_model.", "none"],
    }
    if not tokens:
        return document
    # FunASR rejects a list of classes without its symbol for unknown classes.
    unknown = "<unk>" if "<unk>" in tokens else tokens[-1]
    return document | {
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": unknown, "split_with_space": True},
    }
