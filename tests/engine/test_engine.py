"""The engine: order, batches, reading ahead, windows, pooling, flags, and pickling."""

from __future__ import annotations

import copy
import pickle
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.facts import assert_facts

from emo2vec_plugins.audio.sources import ArrayAudio, FileAudio, MissingAudio, open_audio
from emo2vec_plugins.core.backend import Backend
from emo2vec_plugins.core.labels import LabelSet
from emo2vec_plugins.core.loading import load_model
from emo2vec_plugins.core.session import Clip
from emo2vec_plugins.core.values import Provenance, Turn
from emo2vec_plugins.engine.engine import LOOKAHEAD, PREFETCHED_BATCHES, Engine
from emo2vec_plugins.engine.windows import frame_count
from emo2vec_plugins.errors import (
    AudioError,
    InvalidTurnError,
    LabelError,
    OptionsError,
    ScorerError,
)
from emo2vec_plugins.testing import FakeBackend, check_backend, tone

RATE = 16_000
NAMES = ("angry", "happy", "neutral", "sad", "unknown")


class Ramp:
    """Audio of any length that takes no memory: a slow sweep, computed when it is read."""

    rate = RATE
    channels = (0,)

    def __init__(self, seconds: float) -> None:
        self.length = round(seconds * RATE)

    def read(self, start, stop, channels):
        index = np.arange(start, stop, dtype=np.float64)
        return np.sin(index * (0.05 + index * 1e-10)).astype(np.float32)[None]


class Headless:
    """A model without a head."""

    labels = LabelSet.from_tokens([])
    width = 4
    normalize = True
    batch_seconds = 30.0
    provenance = Provenance(model="headless")

    def run(self, waveforms):
        return [(embeddings, None) for embeddings, _ in FakeBackend().run(waveforms)]


class Sums:
    """A cheap model for tests of memory, with one number per frame."""

    labels = LabelSet.from_tokens(["angry", "sad"])
    width = 1
    normalize = False
    batch_seconds = 30.0
    provenance = Provenance(model="sums")

    def run(self, waveforms):
        parts = [w[: frame_count(len(w)) * 320].reshape(-1, 320) for w in waveforms]
        sums = [part.sum(axis=1, keepdims=True) for part in parts]
        return [(frames, np.concatenate([frames, -frames], axis=1)) for frames in sums]


def clip_of(seconds, *, seed=0, **facts):
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * RATE))
    audio = ArrayAudio(samples.astype(np.float32), RATE)
    return Clip(turn=Turn(start=0.0, end=seconds), audio=audio, **facts)


def emotion_of(clip, **options):
    ((_, emotion),) = Engine(FakeBackend(), **options)([clip])
    return emotion


def assert_same(found, expected):
    assert (found.label, found.flags, found.reason) == (
        expected.label,
        expected.flags,
        expected.reason,
    )
    assert found.scores == pytest.approx(expected.scores, abs=1e-6)
    if expected.embedding is not None:
        np.testing.assert_allclose(found.embedding, expected.embedding, atol=1e-6)


def traced_peak(run):
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# Order.


def test_items_are_yielded_in_order_with_markers_in_place():
    items = ["first", clip_of(0.5), "second", clip_of(45.0), clip_of(0.01), "third", "fourth"]

    results = list(Engine(FakeBackend(), batch_seconds=1)(items))

    assert [item for item, _ in results] == items
    assert [emotion is None for _, emotion in results] == [isinstance(i, str) for i in items]


def test_no_items_give_no_results():
    assert list(Engine(FakeBackend())([])) == []


def test_turns_of_one_recording_are_scored_in_order():
    turns = [Turn(start=1.0, end=3.0), Turn(start=0.0, end=1.5), Turn(start=1.0, end=3.0)]

    first, second, third = Engine(FakeBackend()).score((tone(4.0), RATE), turns)

    assert (first.duration, second.duration) == (2.0, 1.5)
    assert first == third


def test_a_recording_without_turns_is_one_turn():
    (emotion,) = Engine(FakeBackend()).score((tone(4.0), RATE))

    assert emotion.duration == 4.0


# Batches.


def test_batches_stay_within_the_budget_and_mix_recordings():
    backend = FakeBackend()
    clips = [clip_of(seconds, seed=i) for i, seconds in enumerate((1.0, 2.0, 3.0, 4.0, 9.0, 0.5))]

    list(Engine(backend, batch_seconds=6)(clips))

    assert backend.batches == [
        [1 * RATE, 2 * RATE, 3 * RATE],
        [4 * RATE],
        [9 * RATE],
        [RATE // 2],
    ]


def test_a_batch_of_very_short_clips_is_limited():
    backend = FakeBackend()

    list(Engine(backend, batch_seconds=1)([clip_of(0.025, seed=i) for i in range(12)]))

    assert [len(batch) for batch in backend.batches] == [5, 5, 2]


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (lambda results: results[:-1], r"\[49\]"),
        (lambda results: [(rows[:-1], logits) for rows, logits in results], r"\[48, 98\]"),
    ],
)
def test_a_back_end_that_loses_frames_is_named(broken, found):
    class Lossy(FakeBackend):
        def run(self, waveforms):
            return broken(super().run(waveforms))

    with pytest.raises(ScorerError, match=r"Lossy\.run .*\[49, 99\].* got " + found):
        list(Engine(Lossy())([clip_of(1.0), clip_of(2.0)]))


def test_the_batch_length_defaults_to_the_back_ends():
    backend = FakeBackend()
    backend.batch_seconds = 2.0

    list(Engine(backend)([clip_of(1.0), clip_of(1.0), clip_of(1.0)]))

    assert backend.batches == [[RATE, RATE], [RATE]]


@settings(max_examples=40)
@given(
    lengths=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=6),
    budget=st.floats(0.1, 8.0),
)
def test_a_result_does_not_depend_on_its_batch(lengths, budget):
    clips = [clip_of(seconds, seed=i) for i, seconds in enumerate(lengths)]

    together = list(
        Engine(FakeBackend(), batch_seconds=budget, max_window=1.0, window_overlap=0.2)(clips)
    )

    for clip, (item, emotion) in zip(clips, together, strict=True):
        assert item is clip
        assert_same(emotion, emotion_of(clip, max_window=1.0, window_overlap=0.2))


@pytest.mark.parametrize("seconds", [0.01, 0.5])
@pytest.mark.parametrize(("workers", "batches"), [(0, 1), (3, 1 + PREFETCHED_BATCHES)])
def test_few_items_are_read_ahead(workers, batches, seconds):
    pulled = 0

    def clips():
        nonlocal pulled
        for _ in range(3 * LOOKAHEAD):
            pulled += 1
            yield clip_of(seconds)

    results = Engine(FakeBackend(), workers=workers)(clips())
    ahead = [pulled - given for given, _ in enumerate(results, 1)]

    assert max(ahead) <= batches * min(LOOKAHEAD, 30.0 / seconds)


@pytest.mark.parametrize("workers", [0, 1])
def test_unreadable_clips_behind_a_waiting_clip_do_not_accumulate(workers):
    pulled = 0

    def clips():
        nonlocal pulled
        yield clip_of(1.0)
        for _ in range(3 * LOOKAHEAD):
            pulled += 1
            yield Clip(turn=Turn(start=0.0, end=1.0), audio=MissingAudio("lost"))

    next(iter(Engine(FakeBackend(), workers=workers)(clips())))

    assert pulled < LOOKAHEAD + workers * PREFETCHED_BATCHES * 30


def test_closing_the_results_closes_the_items():
    closed = []

    def clips():
        try:
            while True:
                yield clip_of(20.0)
        finally:
            closed.append(True)

    results = Engine(FakeBackend())(clips())
    next(results)
    results.close()

    assert closed == [True]


# Reading ahead.


def sounds_of_every_kind(write, noise):
    kinds = {
        "a.wav": {},
        "b.flac": {},
        "c.ogg": {"format": "OGG", "subtype": "VORBIS"},
        "d.opus": {"format": "OGG", "subtype": "OPUS"},
        "e.mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    }
    paths = [
        write(name, noise(40 * 24_000, seed=i), 24_000, **kind)
        for i, (name, kind) in enumerate(kinds.items())
    ]
    return [lambda path=path: open_audio(path) for path in paths]


def clips_in(sounds):
    """Yield short and long clips of several files, some of which fail, in mixed order."""
    turns = [(0, 3), (0.5, 0.505), (2, 40), (1, 2), (30, 90), (20, 21.5), (4, 39), (39, 40)]
    for start, end in turns:
        for sound in [*sounds, Ramp(40), MissingAudio("lost")]:
            yield Clip(turn=Turn(start=start, end=end), audio=sound)
            yield "a marker"


def outcome(sounds, workers):
    backend = FakeBackend()
    engine = Engine(backend, batch_seconds=9, max_window=6, granularity="frame", workers=workers)
    clips = clips_in([make() for make in sounds])
    results = [emotion for _, emotion in engine(clips) if emotion is not None]
    assert threads_of_readers() == []
    return backend.batches, results


def threads_of_readers():
    return [each for each in threading.enumerate() if each.name.startswith("emo2vec-prefetch")]


def test_results_and_batches_are_bit_identical_for_any_number_of_workers(write, noise):
    sounds = sounds_of_every_kind(write, noise)
    batches, expected = outcome(sounds, 0)

    for workers in (1, 2, 7):
        found_batches, found = outcome(sounds, workers)

        assert found_batches == batches
        assert found == expected
        for one, other in zip(found, expected, strict=True):
            for name in ("embedding", "frame_embeddings", "frame_logits"):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("workers", [0, 3])
def test_clips_are_read_in_the_calling_thread_and_audio_in_others(workers):
    readers, callers = set(), set()

    class Noted(Ramp):
        def read(self, start, stop, channels):
            readers.add(threading.get_ident())
            return super().read(start, stop, channels)

    def clips():
        for _ in range(50):
            callers.add(threading.get_ident())
            yield Clip(turn=Turn(start=0.0, end=9.0), audio=Noted(9.0))

    list(Engine(FakeBackend(), workers=workers)(clips()))

    assert callers == {threading.get_ident()}
    assert (readers == callers) == (workers == 0)


@pytest.mark.parametrize(
    ("attributes", "at_once"), [({}, 1), ({"serial_group": 7}, 1), ({"serial_group": None}, 2)]
)
def test_audio_is_read_by_several_threads_only_if_its_serial_group_allows_it(attributes, at_once):
    reading, most = 0, 0
    both = threading.Barrier(2)

    class Counted(Ramp):
        def read(self, start, stop, channels):
            nonlocal reading, most
            reading += 1
            most = max(most, reading)
            if at_once == 2:
                both.wait(timeout=60)
            else:
                time.sleep(0.002)  # long enough for another thread to read, if it is allowed
            reading -= 1
            return super().read(start, stop, channels)

    class Grouped(Counted):
        pass

    for name, value in attributes.items():
        setattr(Grouped, name, value)
    clips = [Clip(turn=Turn(start=0.0, end=9.0), audio=Grouped(9.0)) for _ in range(20)]
    list(Engine(FakeBackend(), workers=2)(clips))

    assert most == at_once


@pytest.mark.parametrize("error", [OSError("name too long"), TypeError("no serial_group")])
def test_audio_whose_serial_group_raises_fails_when_it_is_read(error):
    class Unknown(Ramp):
        @property
        def serial_group(self):
            raise error

        def read(self, start, stop, channels):
            raise error

    broken = Clip(turn=Turn(start=0.0, end=1.0), audio=Unknown(1.0))
    (_, first), (_, second) = Engine(FakeBackend(), workers=2)([broken, clip_of(1.0)])

    assert str(error) in first.reason
    assert second.label


@pytest.mark.parametrize("name", ["a.opus", "a.mp3"])
@pytest.mark.parametrize("workers", [0, 4])
def test_a_file_that_is_decoded_forward_is_opened_once(write, noise, tmp_path, name, workers):
    kind = {"opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III")}[name.rpartition(".")[2]]
    path = write(name, noise(200 * 8_000), 8_000, format=kind[0], subtype=kind[1])
    opened = []

    class Counted(FileAudio):
        def _open(self):
            opened.append(path)
            return super()._open()

        def read(self, start, stop, channels):
            if start == 0 and workers:
                time.sleep(0.2)  # if other reads could overtake it, its samples would be dropped
            return super().read(start, stop, channels)

    audio = Counted(path)
    clips = [Clip(turn=Turn(start=i, end=i + 25.0), audio=audio) for i in range(0, 175, 25)]
    list(Engine(FakeBackend(), workers=workers)(clips))

    assert len(opened) == 2  # for the header and for reading


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_the_items_is_raised_after_the_earlier_items(workers):
    def clips():
        for seconds in (20.0, 20.0, 20.0):
            yield clip_of(seconds)
        raise KeyError("no more")

    found = []
    with pytest.raises(KeyError, match="no more"):
        found.extend(Engine(FakeBackend(), workers=workers)(clips()))

    assert len(found) == 2
    assert threads_of_readers() == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failing_back_end_leaves_no_thread_behind(error):
    class Failing(FakeBackend):
        def run(self, waveforms):
            raise error("out of memory")

    clips = (clip_of(20.0) for _ in range(1000))
    with pytest.raises(error):
        list(Engine(Failing(), workers=2)(clips))

    assert threads_of_readers() == []


def test_a_consumer_that_stops_early_leaves_no_thread_behind():
    read = 0

    class Counted(Ramp):
        def read(self, start, stop, channels):
            nonlocal read
            read += 1
            return super().read(start, stop, channels)

    def clips():
        yield from (clip_of(30.0), clip_of(30.0))  # the second one starts the first one's batch
        for _ in range(9):
            yield Clip(turn=Turn(start=0.0, end=360_000.0), audio=Counted(360_000.0))

    results = Engine(FakeBackend(), workers=2)(clips())
    next(results)
    assert threads_of_readers()

    results.close()

    assert threads_of_readers() == []
    assert read < 1_000  # of 6,000 blocks, which are all read before the first window


# Windows.


@pytest.mark.parametrize("seconds", [29.99, 30.0])
def test_a_clip_of_one_window_is_run_whole(seconds):
    backend = FakeBackend()

    ((_, emotion),) = Engine(backend)([clip_of(seconds)])

    assert backend.batches == [[round(seconds * RATE)]]
    assert "windowed" not in emotion.flags


def test_a_long_clip_is_run_in_windows_and_flagged():
    backend = FakeBackend()

    ((_, emotion),) = Engine(backend)([clip_of(60.0)])

    assert max(map(max, backend.batches)) <= 30 * RATE + 319
    assert sum(map(len, backend.batches)) == 3
    assert emotion.flags == ("windowed",)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0, 2.9])
def test_merged_windows_equal_one_pass(overlap):
    # Each frame of this back end depends only on its own samples, so windows lose nothing.
    clip = clip_of(20.3)

    windowed = emotion_of(clip, max_window=3.0, window_overlap=overlap, granularity="frame")
    whole = emotion_of(clip, max_window=100.0, granularity="frame")

    np.testing.assert_allclose(windowed.frame_embeddings, whole.frame_embeddings, atol=1e-5)
    np.testing.assert_allclose(windowed.frame_logits, whole.frame_logits, atol=1e-5)
    np.testing.assert_allclose(windowed.embedding, whole.embedding, atol=1e-5)
    assert windowed.scores == pytest.approx(whole.scores, abs=1e-6)


@pytest.mark.parametrize(("workers", "share"), [(0, 1.1), (1, 1.5)])
def test_an_hour_needs_as_much_memory_as_five_minutes(workers, share):
    def score(seconds):
        (emotion,) = Engine(Sums(), workers=workers).score(Ramp(seconds))
        assert emotion.duration == seconds

    # How far threads read ahead at the peak is random, but it is bounded.
    assert traced_peak(lambda: score(3_600)) < share * traced_peak(lambda: score(300))


def test_a_clip_is_normalised_by_its_own_statistics():
    samples = 0.1 + tone(2.0)
    (plain,) = Engine(FakeBackend()).score((samples, RATE))

    (louder,) = Engine(FakeBackend()).score((3.0 * samples - 0.5, RATE))

    assert louder.scores == pytest.approx(plain.scores, abs=1e-3)


def test_samples_are_not_normalised_if_the_back_end_does_not_need_it():
    received = []

    class Plain(FakeBackend):
        normalize = False

        def run(self, waveforms):
            received.extend(waveforms)
            return super().run(waveforms)

    Engine(Plain()).score((tone(1.0), RATE))

    np.testing.assert_array_equal(received[0], tone(1.0))


# Results.


def test_an_emotion_has_the_whole_distribution():
    emotion = emotion_of(clip_of(2.0))

    assert tuple(emotion.scores) == tuple(emotion.logits) == NAMES
    assert sum(emotion.scores.values()) == pytest.approx(1.0)
    assert emotion.score == emotion.scores[emotion.label] == max(emotion.scores.values())
    assert emotion.embedding.shape == (4,)
    assert emotion.frame_embeddings is emotion.frame_logits is None
    assert emotion.provenance.model == "fake"


def test_granularity_frame_returns_frames():
    emotion = emotion_of(clip_of(2.0), granularity="frame")

    assert emotion.frame_embeddings.shape == (99, 4)
    assert emotion.frame_logits.shape == (99, 5)
    np.testing.assert_allclose(emotion.frame_embeddings.mean(axis=0), emotion.embedding, atol=1e-6)
    np.testing.assert_allclose(
        emotion.frame_logits.mean(axis=0), list(emotion.logits.values()), atol=1e-6
    )


def test_labels_are_restricted_by_masking_logits():
    full = emotion_of(clip_of(2.0))
    some = emotion_of(clip_of(2.0), labels=["sad", "angry"], granularity="frame")

    both = full.scores["angry"] + full.scores["sad"]
    assert tuple(some.scores) == ("angry", "sad")
    assert some.scores["sad"] == pytest.approx(full.scores["sad"] / both)
    assert some.logits["sad"] == pytest.approx(full.logits["sad"])
    assert some.frame_logits.shape == (99, 2)


def test_unused_rows_of_the_head_are_dropped():
    class Seed(FakeBackend):
        labels = LabelSet.from_tokens(["angry", "unuse_0", "neutral", "unuse_1", "<unk>"])

    (emotion,) = Engine(Seed()).score((tone(1.0), RATE))

    assert tuple(emotion.scores) == ("angry", "neutral", "unknown")


def test_a_model_without_a_head_returns_embeddings_and_no_label():
    engine = Engine(Headless(), granularity="frame")

    (emotion,) = engine.score((tone(1.0), RATE))

    assert (emotion.label, emotion.score, emotion.reason) == (None, None, None)
    assert emotion.scores == emotion.logits == {}
    assert emotion.embedding.shape == (4,)
    assert emotion.frame_embeddings.shape == (49, 4)
    assert emotion.frame_logits is None


@pytest.mark.parametrize("backend", [FakeBackend(), Headless()])
def test_the_back_ends_of_these_tests_keep_the_contract(backend):
    assert isinstance(backend, Backend)
    check_backend(backend)


# Overlapping speech.


def test_only_frames_without_overlap_are_pooled():
    spans = ((0.5, 1.0), (1.7, 1.75))
    everything = emotion_of(clip_of(2.0, overlaps=spans), granularity="frame")
    middles = np.arange(99) * 0.02 + 0.0125
    alone = ~(((middles >= 0.5) & (middles < 1.0)) | ((middles >= 1.7) & (middles < 1.75)))

    found = emotion_of(clip_of(2.0, overlaps=spans, alone=True), granularity="frame")

    np.testing.assert_allclose(
        list(found.logits.values()), everything.frame_logits[alone].mean(axis=0), atol=1e-6
    )
    np.testing.assert_allclose(
        found.embedding, everything.frame_embeddings[alone].mean(axis=0), atol=1e-6
    )
    assert found.frame_embeddings.shape == (99, 4)
    assert found.flags == everything.flags == ("overlapped",)
    assert found.overlap_ratio == everything.overlap_ratio == pytest.approx(0.275)


def test_spans_are_in_recording_time():
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 5 * RATE).astype(np.float32)
    turn = Turn(start=2.0, end=4.0)
    whole = Clip(turn=turn, audio=ArrayAudio(samples, RATE))
    alone = Clip(turn=turn, audio=whole.audio, overlaps=((3.0, 4.0),), alone=True)

    frames = emotion_of(whole, granularity="frame").frame_logits

    # Frame 50 is the first whose middle, 1.0125 s into the turn, is after 3.0 s.
    np.testing.assert_allclose(
        list(emotion_of(alone).logits.values()), frames[:50].mean(axis=0), atol=1e-6
    )


def test_windows_pool_the_same_frames_as_one_pass():
    clip = clip_of(12.0, overlaps=((1.0, 6.5), (9.0, 9.1)), alone=True)

    windowed = emotion_of(clip, max_window=2.0, window_overlap=0.5)

    assert windowed.scores == pytest.approx(emotion_of(clip).scores, abs=1e-6)


def test_a_turn_overlapped_throughout_has_a_reason():
    emotion = emotion_of(clip_of(2.0, overlaps=((0.0, 2.0),), alone=True))

    assert emotion.label is None
    assert "overlapped" in emotion.reason
    assert (emotion.flags, emotion.overlap_ratio) == (("short", "overlapped"), 1.0)
    assert emotion.duration == 0.0


def test_the_duration_is_that_of_what_was_scored():
    spans = ((-1.0, 0.5), (1.25, 1.5), (2.0, 9.0))
    kept = emotion_of(clip_of(3.0, overlaps=spans))

    alone = emotion_of(clip_of(3.0, overlaps=spans, alone=True))

    assert (kept.duration, kept.flags) == (3.0, ("overlapped",))
    assert (alone.duration, alone.flags) == (1.25, ("overlapped",))


def test_a_turn_is_short_if_little_of_it_is_scored():
    alone = emotion_of(clip_of(3.0, overlaps=((0.1, 2.5),), alone=True))

    assert alone.duration == pytest.approx(0.6)
    assert alone.flags == ("short", "overlapped")


@pytest.mark.parametrize(
    ("start", "end", "facts"),
    [
        (2.5, 4.0, ("beyond the audio", "2.500", "2.000")),
        (2.0, 2.0, ("too short", "0 samples")),
        (-3.0, -1.0, ("before the audio", "-1.000")),
        (1.99, 4.0, ("too short", "160 samples", "2.000")),
        (1.0, 1.0, ("too short", "0 samples")),
    ],
)
def test_a_turn_without_audio_says_where_the_audio_is(start, end, facts):
    audio = clip_of(2.0).audio

    emotion = emotion_of(Clip(turn=Turn(start=start, end=end), audio=audio))

    assert_facts(emotion.reason, *facts)


def test_no_windows_are_planned_for_samples_that_do_not_exist():
    """A damaged header may claim thousands of years."""

    class Claiming:
        rate, length, channels, serial_group = 16_000, 2**62, (0,), None

        def read(self, start, stop, channels):
            raise AudioError("truncated")

    tracemalloc.start()

    emotion = emotion_of(Clip(turn=Turn(start=0.0, end=2.0**58), audio=Claiming()))

    assert emotion.reason == "truncated"
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


@pytest.mark.parametrize(("overlaps", "ratio"), [(None, None), ((), 0.0)])
def test_no_overlap_differs_from_unknown_overlap(overlaps, ratio):
    emotion = emotion_of(clip_of(2.0, overlaps=overlaps))

    assert (emotion.overlap_ratio, emotion.flags) == (ratio, ())


# Flags and reasons.


@pytest.mark.parametrize(
    ("start", "end", "flags"),
    [
        (0.0, 2.0, ()),
        (0.0, 0.99, ("short",)),
        (-0.5, 2.0, ("clipped",)),
        (1.0, 9.0, ("clipped",)),
        (-0.019, 4.019, ()),
        (3.5, 9.0, ("short", "clipped")),
    ],
)
def test_flags_depend_on_length_and_bounds(start, end, flags):
    (emotion,) = Engine(FakeBackend()).score((tone(4.0), RATE), [Turn(start=start, end=end)])

    assert emotion.flags == flags
    assert emotion.label in NAMES


@pytest.mark.parametrize("value", [0.0, 2.0**-16])
def test_silence_is_scored_and_flagged(value):
    samples = np.full(2 * RATE, value, np.float32)

    (emotion,) = Engine(FakeBackend()).score((samples, RATE))

    assert emotion.flags == ("silent",)
    assert emotion.label in NAMES


def test_whispers_are_not_silent():
    (emotion,) = Engine(FakeBackend()).score((0.001 * tone(2.0), RATE))

    assert emotion.flags == ()


@pytest.mark.parametrize("samples", [0, 1, 399])
def test_a_clip_without_a_frame_is_too_short(samples):
    (emotion,) = Engine(FakeBackend()).score((np.ones(samples, np.float32), RATE))

    assert emotion.label is None
    for fact in ("too short", f"{samples} samples", "400"):
        assert fact in emotion.reason
    assert emotion.flags == ("short",)


def test_a_clip_of_one_frame_is_scored():
    (emotion,) = Engine(FakeBackend()).score((tone(0.025), RATE))

    assert (emotion.label in NAMES, emotion.reason, emotion.duration) == (True, None, 0.025)


def test_audio_that_fails_half_way_gives_a_reason():
    class Torn(Ramp):
        def read(self, start, stop, channels):
            if start > 65 * RATE:
                raise AudioError("torn at 65 s")
            return super().read(start, stop, channels)

    torn, whole = Clip(turn=Turn(start=0.0, end=200.0), audio=Torn(200)), clip_of(1.0)

    (_, failed), (_, fine) = Engine(FakeBackend())([torn, whole])

    assert (failed.label, failed.reason) == (None, "torn at 65 s")
    assert fine.label in NAMES


def test_a_plugins_audio_may_raise_anything():
    class Odd(Ramp):
        def read(self, start, stop, channels):
            raise KeyError("page")

    (emotion,) = Engine(FakeBackend()).score(Odd(2.0))

    assert (emotion.label, emotion.reason) == (None, "KeyError: 'page'")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_or_infinite_results_give_a_reason(value):
    class Overflowing(FakeBackend):
        def run(self, waveforms):
            return [(frames, logits * value) for frames, logits in super().run(waveforms)]

    (emotion,) = Engine(Overflowing()).score((tone(1.0), RATE))

    assert emotion.label is None
    for fact in ("model", "NaN", "infinite", "float16"):
        assert fact in emotion.reason


# Options.


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"granularity": "word"}, OptionsError),
        ({"max_window": 0.01}, OptionsError),
        ({"max_window": 2.0, "window_overlap": 2.0}, OptionsError),
        ({"batch_seconds": 0.0}, OptionsError),
        ({"batch_seconds": float("nan")}, OptionsError),
        ({"batch_seconds": float("inf")}, OptionsError),
        ({"max_window": float("inf")}, OptionsError),
        ({"window_overlap": float("nan")}, OptionsError),
        ({"labels": ["bored"]}, LabelError),
        ({"workers": -1}, OptionsError),
        ({"workers": 1.5}, OptionsError),
    ],
)
def test_invalid_options_are_rejected(options, error):
    with pytest.raises(error):
        Engine(FakeBackend(), **options)


# Invalid arguments.


@pytest.mark.parametrize("model", ["tiny", None, Engine(FakeBackend())])
def test_an_object_that_is_not_a_model_is_rejected(model):
    kind = type(model).__name__
    with pytest.raises(OptionsError, match=rf"model.* {kind}: .*Engine\(load_model"):
        Engine(model)


@pytest.mark.parametrize(
    ("turns", "facts"),
    [
        (Turn(start=0.0, end=1.0), "list of turns.* one Turn"),
        ([(0.0, 1.0)], r"Turn\(.* \(0\.0, 1\.0\)"),
    ],
)
def test_objects_that_are_not_turns_are_rejected(turns, facts):
    with pytest.raises(InvalidTurnError, match=facts):
        Engine(FakeBackend()).score((tone(2.0), 16_000), turns)


def test_a_turn_that_is_not_scored_has_no_duration():
    turn = Turn(start=0.0, end=0.02)

    [emotion] = Engine(FakeBackend()).score((tone(2.0), 16_000), [turn])

    assert emotion.reason is not None
    assert emotion.duration == 0.0


# In other processes.


def test_an_engine_pickles_with_the_name_of_its_model(noise):
    engine = Engine(load_model("tiny"), labels=["angry", "sad"], max_window=10, workers=0)

    copy = pickle.loads(pickle.dumps(engine))

    assert copy.identity == engine.identity
    assert copy.score((noise(16_000), 16_000)) == engine.score((noise(16_000), 16_000))


def test_a_pickled_engine_contains_no_weights():
    assert len(pickle.dumps(Engine(load_model("tiny")))) < 1000


def test_an_engine_of_a_model_without_a_name_does_not_pickle():
    with pytest.raises(OptionsError, match="FakeBackend"):
        pickle.dumps(Engine(FakeBackend()))


def test_another_granularity_keeps_the_model_and_all_other_options():
    engine = Engine(FakeBackend(), labels=["happy", "sad"], max_window=5.0)

    frames = engine.with_granularity("frame")

    assert frames.backend is engine.backend
    assert frames.identity == engine.identity | {"granularity": "frame"}
    assert engine.granularity == "utterance"
    with pytest.raises(OptionsError, match=r"granularity .*'utterance' or 'frame'.* 'word'"):
        engine.with_granularity("word")


def test_a_copy_shares_the_model_and_keeps_its_class():
    class Mine(Engine):
        pass

    engine = Mine(FakeBackend(), labels=["sad"])

    for each in (copy.copy(engine), copy.deepcopy(engine), engine.with_granularity("frame")):
        assert type(each) is Mine
        assert each.backend is engine.backend
        assert each.labels.names == ("sad",)


def test_labels_are_copied():
    given = ["happy", "sad"]
    engine = Engine(FakeBackend(), labels=given)

    given.append("angry")

    assert engine.with_granularity("frame").labels.names == engine.labels.names
    once = Engine(FakeBackend(), labels=iter(["happy", "sad"]))
    assert once.with_granularity("frame").labels.names == engine.labels.names
