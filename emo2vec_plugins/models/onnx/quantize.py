"""Weights of a graph in eight bits, in blocks with a scale each, in ONNX's own operators.

A block of weights along a product's inner dimension is one ``DequantizeLinear`` (opset 21). Runtimes
recognise it before a ``MatMul`` and quantise what it is multiplied with when it runs, row by row and
block by block: ONNX Runtime by its 8-bit ``MatMulNBits``, OpenVINO by its dynamic quantisation. So a
frame's numbers depend on nothing but itself, as they do in float32; schemes with one scale for a
whole array (``onnxruntime.quantization.quantize_dynamic``) break that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import FloatArray

BLOCK = 256
"""Weights that share a scale, at most; dimensions that no power of two from 16 divides stay."""

LEAST_BLOCK = 16
"""Smaller blocks are not in the standard."""

OPSET = 21
"""The first with scales for blocks."""


def quantize(model: Any, *, keep: tuple[str, ...]) -> int:
    """Replace the weights of a graph's matrix products, in place; return how many there were.

    Args:
        model: An ``onnx.ModelProto`` whose products have their weights second.
        keep: Weights whose names begin so stay as they are.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    weights = {each.name: each for each in graph.initializer}
    nodes, added = [], {}
    for node in graph.node:
        name = node.input[1] if node.op_type == "MatMul" else ""
        if name in weights and name not in added and not name.startswith(keep):
            values = numpy_helper.to_array(weights[name])
            block = block_of(values.shape[0])
            if block is None:
                nodes.append(node)
                continue
            steps, scales = in_blocks(values, block)
            added[name] = [
                numpy_helper.from_array(steps, f"{name}_steps"),
                numpy_helper.from_array(scales, f"{name}_scales"),
            ]
            inputs = [each.name for each in added[name]]
            nodes.append(
                helper.make_node(
                    "DequantizeLinear", inputs, [f"{name}_whole"], axis=0, block_size=block
                )
            )
        if name in added:
            node.input[1] = f"{name}_whole"
        nodes.append(node)
    kept = [each for name, each in weights.items() if name not in added]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *(each for pair in added.values() for each in pair)])
    for domain in model.opset_import:
        if not domain.domain:
            domain.version = max(domain.version, OPSET)
    return len(added)


def block_of(size: int) -> int | None:
    """Return the block for an inner dimension, None where there is none.

    >>> block_of(1024), block_of(96), block_of(10)
    (256, 32, None)
    """
    block = BLOCK
    while block >= LEAST_BLOCK and size % block:
        block //= 2
    return block if block >= LEAST_BLOCK else None


def in_blocks(weights: FloatArray, block: int) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Return weights as steps of a scale for each block and column, symmetric about zero.

    Args:
        weights: Shape (inner, outer).
        block: Divides the inner dimension.

    Returns:
        Steps from -127 to 127, shape (inner, outer), and scales, shape (inner / block, outer).
    """
    parts = weights.reshape(-1, block, weights.shape[1]).astype(np.float32)
    largest = np.abs(parts).max(axis=1)
    scales = (np.where(largest > 0, largest, 1.0) / 127).astype(np.float32)
    steps = np.rint(parts / scales[:, None]).clip(-127, 127).astype(np.int8)
    return steps.reshape(weights.shape), scales
