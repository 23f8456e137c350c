"""Clips laid one after another in one waveform: pure arithmetic on samples and frames.

A batch is one waveform. Clips start at multiples of the hop, so a clip's frames are those it has
alone; at least `gap` frames that belong to nobody stand between two clips, which, set to zero,
are the padding that a positional convolution gives a clip alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emo2vec_plugins.engine.windows import HOP, RECEPTIVE, frame_count


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each clip of a batch lies.

    Attributes:
        starts: First sample of each clip in the batch, multiples of the hop.
        frames: The frames of each clip, counted over the whole batch.
        samples: Length of the batch's waveform, `rounded` up.
    """

    starts: tuple[int, ...]
    frames: tuple[slice, ...]
    samples: int


def lay(lengths: Sequence[int], *, gap: int) -> Layout:
    """Lay clips of *lengths* samples one after another, *gap* frames or more apart.

    >>> lay([720, 400], gap=9)
    Layout(starts=(0, 3520), frames=(slice(0, 2, None), slice(11, 12, None)), samples=3968)
    """
    starts, frames, next_frame, end = [], [], 0, 0
    for length in lengths:
        count = frame_count(length)
        starts.append(next_frame * HOP)
        frames.append(slice(next_frame, next_frame + count))
        end = next_frame * HOP + length
        # Samples after the last frame may reach one hop further than the frames do.
        next_frame = max(next_frame + count + gap, -(-end // HOP))
    return Layout(tuple(starts), tuple(frames), rounded(max(end, RECEPTIVE)))


def rounded(samples: int) -> int:
    """Round a batch's length up, by at most a sixteenth, to one of 16 lengths in each octave.

    Libraries of convolutions prepare and keep something for every length that they meet; without
    this, memory would grow with the number of batches. What is added belongs to no clip.

    >>> [rounded(n) for n in (400, 16_000, 480_001)]
    [400, 16384, 491520]
    """
    step = max(1, 1 << (samples.bit_length() - 5))
    return -(-samples // step) * step
