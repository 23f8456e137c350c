"""Resampling with the filter of the reference, in bounded memory and time at any rate.

The filter is that of ``torchaudio.transforms.Resample`` with its defaults: a sinc of 0.99 times the
lower of the two rates, under a Hann window, over six zero crossings to either side. An output sample
reads only the input samples under that window, so the cost of one input sample does not depend on
how the two rates divide.

Output samples are computed in tiles, which start at multiples of the length of a tile. Each tile is
a sequence of matrix products of fixed shapes, so its samples are the same, bit for bit, in whatever
parts a signal is resampled.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from emo2vec_plugins.core import FloatArray

RESAMPLER = "sinc_interp_hann(width 6, rolloff 0.99), as torchaudio.transforms.Resample"
"""The filter, as results record it."""

ZERO_CROSSINGS = 6
"""Zero crossings of the sinc to either side that the window covers."""

ROLLOFF = 0.99
"""Cutoff frequency as a share of the lower Nyquist frequency."""

MOST_COEFFICIENTS = 2**22
"""Coefficients to keep for a pair of rates (16 MB); beyond, they are computed for each tile."""

TILE = 2**14
"""Output samples of a tile at most, about one second, unless the rates need more."""

COLUMNS = 16
"""Output samples of one matrix product: more need fewer products, but with more zeros."""

MOST_COLUMNS = 2**10
"""The same at most if coefficients are not kept: computing zeros costs more than reading them."""

MOST_PRODUCTS = 2**18
"""Multiplications of one matrix product at most; beyond, OpenBLAS would start threads."""


class _Group(NamedTuple):
    """Consecutive output samples of a row, computed by one matrix product.

    Attributes:
        outputs: The output samples, relative to the row.
        inputs: The input samples under their windows, relative to the first of the row.
        coefficients: Shape (inputs, outputs).
    """

    outputs: slice
    inputs: slice
    coefficients: FloatArray


class Resampler:
    """Resamples signals from one rate to another, as a whole or in parts.

    Args:
        rate: Samples per second of the input.
        target: Samples per second of the output.

    Attributes:
        tile: Output samples of a tile; parts start at multiples of it.
    """

    def __init__(self, rate: int, target: int) -> None:
        divisor = math.gcd(rate, target)
        # So many input samples last as long as so many output samples.
        self._inputs, self._outputs = rate // divisor, target // divisor
        lower = ROLLOFF * min(self._inputs, self._outputs)
        self._reach = math.ceil(ZERO_CROSSINGS * self._inputs / lower)
        # A row is a multiple of both, long enough that no group reads beyond the next row.
        periods = math.ceil(self._width(COLUMNS) / self._inputs)
        self._step, self._row = periods * self._inputs, periods * self._outputs
        kept = self._row * self._width(COLUMNS) <= MOST_COEFFICIENTS
        self._groups = self._kept_groups() if kept else None
        products = COLUMNS * self._width(COLUMNS)
        self._rows = max(1, min(TILE // self._row, MOST_PRODUCTS // products))
        # Here a quarter of the coefficients are zeros.
        columns = 2 * self._reach * self._outputs // (3 * self._inputs)
        self.tile = self._rows * self._row if kept else max(1, min(columns, MOST_COLUMNS))

    def length(self, samples: int) -> int:
        """Return the number of output samples of so many input samples, rounded up."""
        return -(-samples * self._outputs // self._inputs)

    def inputs(self, start: int, stop: int) -> tuple[int, int]:
        """Return the start and stop of the input samples that output samples ``start:stop`` need.

        They may be outside the signal, where it is zero.
        """
        return self._first(start), self._first(stop) + 2 * self._reach + 3

    def part(self, samples: FloatArray, first: int, start: int, stop: int) -> FloatArray:
        """Return output samples ``start:stop``, of any number of tiles.

        Args:
            samples: Input samples, float32, shape (samples,): those of `inputs`, or less at either
                end of the signal.
            first: Position of the first of them in the signal.
            start: A multiple of `tile`.
            stop: Any later position.
        """
        tiles = -(-(stop - start) // self.tile)
        begin, end = self.inputs(start, start + tiles * self.tile)
        signal = np.zeros(end - begin, np.float32)
        at = first - begin
        signal[max(at, 0) : max(at + len(samples), 0)] = samples[max(-at, 0) : end - first]
        run = self._with_few_phases if self._groups else self._with_many_phases
        return run(signal, start, tiles)[: stop - start]

    def _with_few_phases(self, signal: FloatArray, _: int, tiles: int) -> FloatArray:
        size = max(group.inputs.stop for group in self._groups or ())
        # Each row of the view overlaps the next one. Nothing is copied.
        strides = (self._step * signal.itemsize, signal.itemsize)
        rows = as_strided(signal, (tiles * self._rows, size), strides, writeable=False)
        result = np.empty((len(rows), self._row), np.float32)
        for group in self._groups or ():
            read, written = rows[:, group.inputs], result[:, group.outputs]
            for row in range(0, len(rows), self._rows):
                tile = slice(row, row + self._rows)
                np.matmul(read[tile], group.coefficients, out=written[tile])
        return result.reshape(-1)

    def _with_many_phases(self, signal: FloatArray, start: int, tiles: int) -> FloatArray:
        result = np.empty((tiles, self.tile), np.float32)
        for row in range(tiles):
            group = self._group(start + row * self.tile, self.tile)
            begin = group.inputs.start - self._first(start)
            result[row] = signal[begin : begin + len(group.coefficients)] @ group.coefficients
        return result.reshape(-1)

    def _kept_groups(self) -> list[_Group]:
        size = math.ceil(self._row / math.ceil(self._row / COLUMNS))
        groups = (
            self._group(start, min(size, self._row - start)) for start in range(0, self._row, size)
        )
        return [
            group._replace(
                inputs=slice(group.inputs.start + self._reach, group.inputs.stop + self._reach)
            )
            for group in groups
        ]

    def _group(self, start: int, count: int) -> _Group:
        first, width = self._first(start), self._width(count)
        outputs = np.arange(start, start + count)
        return _Group(
            slice(start, start + count),
            slice(first, first + width),
            self._coefficients(outputs, first, width),
        )

    def _first(self, output: int) -> int:
        """Return the first input sample under the window of an output sample."""
        return output * self._inputs // self._outputs - self._reach

    def _width(self, outputs: int) -> int:
        """Return how many input samples so many consecutive output samples need, at most."""
        return 2 * self._reach + 2 + math.ceil((outputs - 1) * self._inputs / self._outputs)

    def _coefficients(self, outputs: npt.NDArray[np.int64], first: int, width: int) -> FloatArray:
        """Return the filter for output samples, shape (width, outputs), from input sample *first*.

        The reference rounds the phase of an output sample to float32 and computes the rest in
        float64. Doing the same gives its samples.
        """
        periods, phases = np.divmod(outputs, self._outputs)
        phase = phases.astype(np.float32) / np.float32(self._outputs)
        inputs = first + np.arange(width)[:, None] - periods * self._inputs
        lower = ROLLOFF * min(self._inputs, self._outputs)
        crossings = (inputs / self._inputs - phase.astype(np.float64)) * lower
        crossings = crossings.clip(-ZERO_CROSSINGS, ZERO_CROSSINGS)
        window = np.cos(crossings * (math.pi / (2 * ZERO_CROSSINGS))) ** 2
        scale = lower / self._inputs
        coefficients: FloatArray = (np.sinc(crossings) * window * scale).astype(np.float32)
        return coefficients


@lru_cache(maxsize=8)
def resampler(rate: int, target: int) -> Resampler:
    """Return the resampler for a pair of rates; the latest are kept."""
    return Resampler(rate, target)


def resample(samples: FloatArray, rate: int, target: int) -> FloatArray:
    """Return a signal at another rate.

    Args:
        samples: Float32, shape (samples,).
        rate: Samples per second.
        target: Samples per second of the result.
    """
    if rate == target:
        return samples
    chosen = resampler(rate, target)
    return chosen.part(samples, 0, 0, chosen.length(len(samples)))
