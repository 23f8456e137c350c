"""Arithmetic of windows and frames."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from emo2vec_plugins.engine.windows import HOP, RECEPTIVE, Window, frame_count, windows
from emo2vec_plugins.errors import OptionsError

SAMPLES = st.integers(0, 60_000)


def test_frame_counts_of_known_lengths():
    lengths = (0, 399, 400, 719, 720, 16_000, 480_000)

    assert [frame_count(n) for n in lengths] == [0, 0, 1, 1, 2, 49, 1499]


@given(samples=SAMPLES)
def test_every_frame_is_within_its_clip(samples):
    frames = frame_count(samples)

    assert frames == 0 or (frames - 1) * HOP + RECEPTIVE <= samples < frames * HOP + RECEPTIVE


def test_a_short_clip_is_one_window():
    assert windows(1_000, window=1_000, overlap=320) == [Window(0, 1_000, slice(0, 2))]


def test_a_clip_without_frames_has_no_window():
    assert windows(399, window=1_000, overlap=320) == []


def test_neighbours_each_keep_half_of_their_overlap():
    first, second = windows(400 + 320 * 5, window=400 + 320 * 3, overlap=2 * 320)

    assert (first, second) == (
        Window(0, 1_360, slice(0, 3)),
        Window(640, 2_000, slice(1, 4)),
    )


@given(samples=SAMPLES, size=st.integers(1, 40), data=st.data())
def test_each_frame_is_kept_from_exactly_one_window(samples, size, data):
    window = RECEPTIVE + (size - 1) * HOP + data.draw(st.integers(0, HOP - 1))
    overlap = data.draw(st.integers(0, size * HOP - 1))

    plan = windows(samples, window=window, overlap=overlap)

    kept = [frame for part in plan for frame in range(part.frames.start, part.frames.stop)]
    assert kept == list(range(frame_count(samples)))


@given(samples=SAMPLES, size=st.integers(1, 40), data=st.data())
def test_windows_are_within_the_clip_and_full(samples, size, data):
    window = RECEPTIVE + (size - 1) * HOP
    overlap = data.draw(st.integers(0, size * HOP - 1))
    plan = windows(samples, window=window, overlap=overlap)
    assume(len(plan) > 1)

    assert all(part.start % HOP == 0 for part in plan)
    assert all(frame_count(part.stop - part.start) == size for part in plan)
    assert all(0 <= part.keep.start < part.keep.stop <= size for part in plan)
    assert plan[-1].stop == samples


@given(size=st.integers(4, 40), shared=st.integers(2, 39), count=st.integers(2, 8))
def test_a_frame_at_a_seam_has_context_on_both_sides(size, shared, count):
    assume(shared < size)
    window = RECEPTIVE + (size - 1) * HOP

    plan = windows(window * count, window=window, overlap=shared * HOP)

    assert all(part.keep.start >= shared // 2 for part in plan[1:])
    assert all(size - part.keep.stop >= shared // 2 for part in plan[:-1])


@pytest.mark.parametrize(("window", "overlap"), [(399, 0), (720, 640), (16_000, -1)])
def test_impossible_windows_are_rejected(window, overlap):
    with pytest.raises(OptionsError, match=rf"400.* {window} samples .*{overlap}$"):
        windows(100_000, window=window, overlap=overlap)
