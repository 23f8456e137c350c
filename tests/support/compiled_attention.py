"""FlexAttention compiled for a CPU against the loop, as a program.

A process of its own: beside the OpenMP runtimes that OpenVINO, scikit-learn and others bring, code
that torch compiles can crash a process that has loaded them all.
"""

from __future__ import annotations

import sys

import torch
from torch.nn.attention import flex_attention as flex

from emo2vec_plugins.models.attention import all_at_once, one_by_one

TOKENS, HEADS, WIDTH = 3, 4, 64


def batch(rows, layers=1):
    """Queries, keys and values of some clips, and the slopes of each layer's heads."""
    generator = torch.Generator().manual_seed(sum(rows))
    slopes = -torch.rand(layers, HEADS, generator=generator)
    return torch.randn(sum(rows), 3 * WIDTH, generator=generator), slopes


def compare(rows):
    """Assert that the kernel of all clips gives what the loop over clips gives."""
    qkv, slopes = batch(rows)
    (expected,) = one_by_one(rows, TOKENS, slopes)
    with torch.inference_mode():
        (found,) = all_at_once(rows, TOKENS, slopes)
        torch.testing.assert_close(found(qkv), expected(qkv), atol=1e-5, rtol=0)


if __name__ == "__main__":
    flex.flex_attention = torch.compile(flex.flex_attention, dynamic=True)
    for lengths in ([60, 210, 11, 300], [15, 700], [11] * 40):
        compare(lengths)
    sys.stdout.write("compared 3 batches\n")
