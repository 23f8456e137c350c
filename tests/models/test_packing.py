"""Packing clips into one waveform without mixing their frames."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.engine.windows import HOP, RECEPTIVE, frame_count
from emo2vec_plugins.models.packing import Layout, lay, rounded

LENGTHS = st.lists(st.integers(RECEPTIVE, 9_999), min_size=1, max_size=12)
GAPS = st.integers(0, 12)


def test_a_known_layout():
    assert lay([720, 400], gap=9) == Layout(
        starts=(0, 3_520), frames=(slice(0, 2), slice(11, 12)), samples=3_968
    )


def test_a_single_clip_starts_at_zero():
    assert lay([5_000], gap=9) == Layout(starts=(0,), frames=(slice(0, 15),), samples=5_120)


@given(lengths=LENGTHS, gap=GAPS)
def test_no_sample_belongs_to_two_clips(lengths, gap):
    layout = lay(lengths, gap=gap)

    ends = [start + length for start, length in zip(layout.starts, lengths, strict=True)]
    assert all(end <= start for end, start in zip(ends, layout.starts[1:], strict=False))
    assert layout.samples == rounded(ends[-1])


@given(lengths=LENGTHS, gap=GAPS)
def test_a_clip_has_the_same_frames_as_alone(lengths, gap):
    layout = lay(lengths, gap=gap)

    for start, frames, length in zip(layout.starts, layout.frames, lengths, strict=True):
        assert frames.start * HOP == start
        assert frames.stop - frames.start == frame_count(length)
        assert (frames.stop - 1) * HOP + RECEPTIVE <= start + length


@given(lengths=LENGTHS, gap=GAPS)
def test_the_gap_is_kept_between_clips(lengths, gap):
    frames = lay(lengths, gap=gap).frames

    gaps = [after.start - before.stop for before, after in pairwise(frames)]
    assert all(kept >= gap for kept in gaps)


@given(lengths=LENGTHS)
def test_the_gap_is_as_small_as_possible(lengths):
    frames = lay(lengths, gap=9).frames

    gaps = [after.start - before.stop for before, after in pairwise(frames)]
    assert all(kept == 9 for kept in gaps)


@given(st.integers(400, 10**7))
def test_rounding_adds_at_most_a_sixteenth_and_is_idempotent(samples):
    assert samples <= rounded(samples) <= samples * 17 / 16
    assert rounded(rounded(samples)) == rounded(samples)


def test_an_octave_has_sixteen_lengths():
    assert len({rounded(samples) for samples in range(16_385, 32_769)}) == 16
