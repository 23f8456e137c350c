"""Block-wise 8-bit quantisation of a graph's weights with standard ONNX operators.

Weights have one scale per block along the inner dimension and are stored as ``DequantizeLinear``
(opset 21). Runtimes recognise it before a ``MatMul`` and quantise the other factor at run time, by
row and block: ONNX Runtime with its 8-bit ``MatMulNBits``, OpenVINO with dynamic quantisation. So
the result of a frame depends only on that frame, as in float32. Schemes with one scale for a whole
array (``onnxruntime.quantization.quantize_dynamic``) lose this property.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import FloatArray

BLOCK = 256
"""Maximum weights per scale; dimensions not divisible by 16 are not quantised."""

LEAST_BLOCK = 16
"""Smallest block size in the standard."""

OPSET = 21
"""The first opset with block scales."""


def quantize(model: Any, *, keep: tuple[str, ...]) -> int:
    """Quantise the weights of a graph's matrix products in place; return their number.

    Args:
        model: An ``onnx.ModelProto`` with weights as second factor of its products.
        keep: Prefixes of weights to leave unchanged.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    weights = {each.name: each for each in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMul"]
    restored: dict[str, Any] = {}
    added: list[Any] = []
    for name in dict.fromkeys(node.input[1] for node in products):
        if name not in weights or name.startswith(keep):
            continue  # an activation, as in attention, or listed in keep
        values = numpy_helper.to_array(weights[name])
        block = block_of(len(values))
        if block is None:
            continue
        steps, scales = in_blocks(values, block)
        inputs, output = [f"{name}_steps", f"{name}_scales"], f"{name}_whole"
        added += map(numpy_helper.from_array, (steps, scales), inputs)
        restored[name] = helper.make_node(
            "DequantizeLinear", inputs, [output], axis=0, block_size=block
        )
    for node in products:
        if node.input[1] in restored:
            node.input[1] = restored[node.input[1]].output[0]
    # The new nodes read only weights, so they can come before all other nodes.
    nodes = [*restored.values(), *graph.node]
    kept = [each for name, each in weights.items() if name not in restored]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *added])
    for domain in model.opset_import:
        if not domain.domain:
            domain.version = max(domain.version, OPSET)
    return len(restored)


def block_of(size: int) -> int | None:
    """Return the largest block size that divides an inner dimension, or None.

    >>> block_of(1024), block_of(96), block_of(10)
    (256, 32, None)
    """
    block = BLOCK
    while block >= LEAST_BLOCK and size % block:
        block //= 2
    return block if block >= LEAST_BLOCK else None


def in_blocks(weights: FloatArray, block: int) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Return weights as integer steps and a scale per block and column, symmetric about zero.

    Args:
        weights: Shape (inner, outer).
        block: Block size, a divisor of the inner dimension.

    Returns:
        Steps from -127 to 127, shape (inner, outer), and scales, shape (inner / block, outer).
    """
    parts = weights.reshape(-1, block, weights.shape[1]).astype(np.float32)
    # Symmetric, -127 to 127: zero stays zero, and products need no correction for an offset. The
    # scale of a block of zeros is arbitrary, but must not be 0.
    largest = np.abs(parts).max(axis=1)
    scales = (np.where(largest > 0, largest, 1.0) / 127).astype(np.float32)
    steps = np.rint(parts / scales[:, None]).clip(-127, 127).astype(np.int8)
    return steps.reshape(weights.shape), scales
