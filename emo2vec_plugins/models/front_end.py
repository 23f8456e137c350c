"""The convolutions in ``feature_encoder_spec``, which FunASR passes to ``eval``."""

from __future__ import annotations

import ast
import operator
from typing import Any

from emo2vec_plugins.core import shown
from emo2vec_plugins.errors import ConfigError

ConvLayer = tuple[int, int, int]
"""Channels, kernel size and stride of one convolution of the front end."""

MOST_LAYERS = 64
"""Limit for each kind of layer and for extra tokens, against mistakes and memory exhaustion."""

MOST = 1 << 16
"""Limit for every dimension."""

MOST_SPEC = 5_000
"""Limit for the characters of ``feature_encoder_spec``."""


class ExpressionError(ConfigError):
    """A spec that would run code if it were evaluated."""


def conv_layers(spec: str) -> tuple[ConvLayer, ...]:
    """Return the layers in a spec such as ``[(512, 10, 5)] + [(512, 3, 2)] * 4``.

    >>> conv_layers("[(512, 10, 5)] + [(512, 3, 2)] * 2")
    ((512, 10, 5), (512, 3, 2), (512, 3, 2))

    Raises:
        ConfigError: If it is anything but sums and products of lists of three positive integers.
        ExpressionError: If it also calls a function.
    """
    if len(spec) > MOST_SPEC:  # parsing needs much memory
        raise ConfigError(f"feature_encoder_spec may have {MOST_SPEC} characters, got {len(spec)}")
    try:
        layers = _value(ast.parse(spec.strip(), mode="eval").body)
    except ConfigError:
        raise
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ConfigError(
            f"feature_encoder_spec must be a list of layers, got {shown(spec)}"
        ) from error
    if not isinstance(layers, list) or not layers or not all(map(_is_layer, layers)):
        raise ConfigError(
            "feature_encoder_spec must be a list of (channels, kernel, stride), all positive, "
            f"got {shown(spec)}"
        )
    return tuple(layers)


def _is_layer(layer: Any) -> bool:
    return (
        isinstance(layer, tuple)
        and len(layer) == 3
        and all(isinstance(value, int) and 0 < value <= MOST for value in layer)
    )


def _value(node: ast.expr) -> Any:
    """Evaluate lists, tuples, integers, and their sums and products."""
    match node:
        case ast.Constant(value=int() as value):
            return _limited(value)
        case ast.Tuple(elts=elements):
            return tuple(map(_value, elements))
        case ast.List(elts=elements):
            return list(map(_value, elements))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _limited(operator.add(_value(left), _value(right)))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _limited(operator.mul(_value(left), _value(right)))
    runs_code = any(isinstance(each, ast.Call | ast.Attribute) for each in ast.walk(node))
    raise (ExpressionError if runs_code else ConfigError)(
        f"feature_encoder_spec must not contain {shown(ast.unparse(node))}"
    )


def _limited(value: Any) -> Any:
    # Checked at every step, so that a product has at most MOST times MOST_LAYERS elements: each
    # factor multiplies the memory of the previous value.
    fits = value <= MOST if isinstance(value, int) else len(value) <= MOST_LAYERS
    if not fits:
        raise ConfigError(
            f"feature_encoder_spec may have at most {MOST_LAYERS} layers and numbers up to {MOST}"
        )
    return value
