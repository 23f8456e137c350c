"""What a network looks like, read from a published ``config.yaml`` and never evaluated."""

from __future__ import annotations

import ast
import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emo2vec_plugins.engine import HOP, RECEPTIVE
from emo2vec_plugins.errors import ConfigError

ConvLayer = tuple[int, int, int]
"""Channels, kernel size and stride of one convolution of the front end."""

MOST_LAYERS = 64
"""More layers of a kind, or extra tokens, are a mistake or an attempt to exhaust memory."""

MOST = 1 << 16
"""No dimension of a network is greater."""

_POSITIVE = (
    "width",
    "heads",
    "mlp_ratio",
    "position_depth",
    "position_width",
    "position_groups",
    "norm_eps",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The dimensions of an emotion2vec network.

    The defaults are those of emotion2vec+ large.

    Attributes:
        width: Of frames throughout the transformer.
        heads: Of every attention.
        mlp_ratio: Width of a block's hidden layer, in units of *width*.
        prenet_depth: Blocks of the context encoder, which come first.
        depth: Blocks after it.
        conv_layers: Of the front end; together they read 400 samples and step 320.
        position_depth: Positional convolutions, one after another.
        position_width: Sum of their kernel sizes.
        position_groups: Groups of each.
        extra_tokens: Learned tokens before the frames of a clip.
        scale_per_layer: Whether each block has its own scale of the attention bias.
        scale_per_head: Whether each head has.
        norm_eps: Of the layer norms in blocks.
        norm_affine: Whether these have weights.
        normalize: Whether a clip is brought to zero mean and unit variance first.
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
        for name in _POSITIVE:
            if not 0 < getattr(self, name) <= MOST:
                raise ConfigError(
                    f"{name} is to be positive and at most {MOST}, got {getattr(self, name)}"
                )
        for name in ("prenet_depth", "depth", "position_depth", "extra_tokens"):
            if getattr(self, name) > MOST_LAYERS:
                raise ConfigError(f"{name} is at most {MOST_LAYERS}, got {getattr(self, name)}")
        if self.width % self.heads or self.width % self.position_groups:
            raise ConfigError(
                f"the width, {self.width}, is to be a multiple of the heads, {self.heads}, "
                f"and of the positional groups, {self.position_groups}"
            )
        if (self.hop, self.receptive) != (HOP, RECEPTIVE):
            raise ConfigError(
                f"the front end is to read {RECEPTIVE} samples and step {HOP}, "
                f"feature_encoder_spec reads {self.receptive} and steps {self.hop}"
            )

    @property
    def position_kernel(self) -> int:
        """Kernel size of each positional convolution."""
        return max(3, self.position_width // self.position_depth)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return math.prod(stride for _, _, stride in self.conv_layers)

    @property
    def receptive(self) -> int:
        """Samples that one frame reads."""
        size = 1
        for _, kernel, stride in reversed(self.conv_layers):
            size = (size - 1) * stride + kernel
        return size


def read_config(path: Path) -> Config:
    """Read a published ``config.yaml``.

    Raises:
        ConfigError: If it is no YAML, has tags that would run code, lacks a value, or describes
            a network of another kind.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        # PyYAML raises ValueError on a date that is none, RecursionError on nested brackets.
        raise ConfigError(f"{path}: not readable as plain YAML: {error}") from error
    try:
        return _from_document(document)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _from_document(document: Any) -> Config:
    if _get(document, "model", str) != "Emotion2vec":
        raise ConfigError(f"model is to be Emotion2vec, got {document['model']!r}")
    conf = _get(document, "model_conf", dict)
    audio = _get(_get(conf, "modalities", dict, "model_conf"), "audio", dict, "modalities")
    for values, name, expected in (
        (conf, "layer_norm_first", False),
        (audio, "extractor_mode", "layer_norm"),
        (audio, "conv_pos_pre_ln", False),
        (audio, "use_alibi_encoder", True),
        (audio, "learned_alibi", False),
        (audio, "num_alibi_heads", _get(conf, "num_heads", int)),
    ):
        if values.get(name, expected) != expected:
            raise ConfigError(
                f"{name} is to be {expected!r}, as in every published emotion2vec, "
                f"got {values[name]!r}"
            )
    return Config(
        width=_get(conf, "embed_dim", int),
        heads=_get(conf, "num_heads", int),
        mlp_ratio=_get(conf, "mlp_ratio", float),
        prenet_depth=_get(audio, "prenet_depth", int),
        depth=_get(conf, "depth", int),
        conv_layers=_conv_layers(_get(audio, "feature_encoder_spec", str)),
        position_depth=_get(audio, "conv_pos_depth", int),
        position_width=_get(audio, "conv_pos_width", int),
        position_groups=_get(audio, "conv_pos_groups", int),
        extra_tokens=_get(audio, "num_extra_tokens", int),
        scale_per_layer=_get(audio, "learned_alibi_scale_per_layer", bool),
        scale_per_head=_get(audio, "learned_alibi_scale_per_head", bool),
        norm_eps=_get(conf, "norm_eps", float),
        norm_affine=_get(conf, "norm_affine", bool),
        normalize=_get(conf, "normalize", bool),
    )


def _get(values: Any, name: str, kind: Callable[[Any], Any], where: str = "the document") -> Any:
    if not isinstance(values, Mapping) or name not in values:
        raise ConfigError(f"{name} is missing in {where}")
    value = values[name]
    if kind is float and isinstance(value, (str, int)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            value = float(value)  # PyYAML reads 1e-05, without a dot, as a string
    if not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or value < 0)):  # type: ignore[arg-type]
        raise ConfigError(f"{name} is to be of type {kind.__name__}, got {value!r}")
    return value


def _conv_layers(spec: str) -> tuple[ConvLayer, ...]:
    """Read ``[(512, 10, 5)] + [(512, 3, 2)] * 4``: lists, tuples, integers, sums, multiples."""
    try:
        layers = _value(ast.parse(spec.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"feature_encoder_spec is not a list of layers: {spec!r}") from error
    if not isinstance(layers, list) or not layers or not all(map(_is_layer, layers)):
        raise ConfigError(
            "feature_encoder_spec is to be a list of (channels, kernel, stride), all positive, "
            f"got {spec!r}"
        )
    return tuple(layers)


def _is_layer(layer: Any) -> bool:
    return (
        isinstance(layer, tuple)
        and len(layer) == 3
        and all(isinstance(value, int) and 0 < value <= MOST for value in layer)
    )


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=int() as value):
            return value
        case ast.Tuple(elts=elements):
            return tuple(_value(element) for element in elements)
        case ast.List(elts=elements):
            return [_value(element) for element in elements]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _joined(_value(left), _value(right))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _repeated(_value(left), _value(right))
    raise ConfigError(f"feature_encoder_spec may not contain {ast.unparse(node)!r}")


def _joined(left: Any, right: Any) -> list[Any]:
    if isinstance(left, list) and isinstance(right, list) and len(left + right) <= MOST_LAYERS:
        return left + right
    raise ConfigError(f"feature_encoder_spec is to be a list of at most {MOST_LAYERS} layers")


def _repeated(layers: Any, times: Any) -> list[Any]:
    if isinstance(layers, int):
        layers, times = times, layers
    if isinstance(layers, list) and isinstance(times, int) and len(layers) * times <= MOST_LAYERS:
        return layers * times
    raise ConfigError(f"feature_encoder_spec is to be a list of at most {MOST_LAYERS} layers")


def to_document(config: Config, tokens: Sequence[str] = ()) -> dict[str, Any]:
    """Return the published form of *config*, which FunASR builds the same network from.

    Args:
        config: The dimensions.
        tokens: The classes; without any, FunASR builds no head.
    """
    spec = " + ".join(f"[({c}, {k}, {s})]" for c, k, s in config.conv_layers)
    audio = {
        "alibi_max_pos": None,
        "alibi_scale": 1.0,
        "conv_pos_depth": config.position_depth,
        "conv_pos_groups": config.position_groups,
        "conv_pos_pre_ln": False,
        "conv_pos_width": config.position_width,
        "decoder": None,
        "end_drop_path_rate": 0.0,
        "extractor_mode": "layer_norm",
        "feature_encoder_spec": spec,
        "init_extra_token_zero": True,
        "learned_alibi": False,
        "learned_alibi_scale": True,
        "learned_alibi_scale_per_head": config.scale_per_head,
        "learned_alibi_scale_per_layer": config.scale_per_layer,
        "local_grad_mult": 1.0,
        "model_depth": config.depth,
        "num_alibi_heads": config.heads,
        "num_extra_tokens": config.extra_tokens,
        "prenet_depth": config.prenet_depth,
        "prenet_dropout": 0.0,
        "prenet_layerdrop": 0.0,
        "start_drop_path_rate": 0.0,
        "type": "AUDIO",
        "use_alibi_encoder": True,
    }
    model = {
        "activation_dropout": 0.0,
        "attention_dropout": 0.0,
        "average_top_k_layers": config.depth,
        "depth": config.depth,
        "dropout_input": 0.0,
        "embed_dim": config.width,
        "encoder_dropout": 0.0,
        "end_drop_path_rate": 0.0,
        "end_of_block_targets": False,
        "layer_norm_first": False,
        "layerdrop": 0.0,
        "loss_beta": 0.0,
        "loss_scale": None,
        "mlp_ratio": config.mlp_ratio,
        "modalities": {"audio": audio},
        "norm_affine": config.norm_affine,
        "norm_eps": config.norm_eps,
        "normalize": config.normalize,
        "num_heads": config.heads,
        "post_mlp_drop": 0.0,
        "start_drop_path_rate": 0.0,
        "supported_modality": "AUDIO",
    }
    document = {"model": "Emotion2vec", "model_conf": model, "scope_map": ["d2v_model.", "none"]}
    if not tokens:
        return document
    # FunASR refuses a list of classes that lacks its symbol for unknown ones.
    unknown = "<unk>" if "<unk>" in tokens else tokens[-1]
    return document | {
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": unknown, "split_with_space": True},
    }
