"""Batches that are started and waited for later: what they give, and in which order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.reference import SMALL, TOKENS, save_reference

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.audio.sources import ArrayAudio
from emo2vec_plugins.core.session import Clip
from emo2vec_plugins.core.values import Turn
from emo2vec_plugins.engine.batch import Pipelined, start, summed
from emo2vec_plugins.engine.windows import Chunk, frame_count
from emo2vec_plugins.errors import ScorerError
from emo2vec_plugins.models.attention import all_at_once
from emo2vec_plugins.models.packing import lay, pack, pooled
from emo2vec_plugins.testing import FakeBackend

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small"
    save_reference(path, SMALL)
    return load_model(path, device="cpu")


def chunk_of(length, *, pool=None, seed=0):
    samples = np.random.default_rng([seed, length]).standard_normal(length).astype(np.float32)
    return Chunk(samples=samples, mean=0.25, scale=2.0, pool=pool)


def clip_of(seconds, *, seed=0, **facts):
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * 16_000))
    audio = ArrayAudio(samples.astype(np.float32), 16_000)
    return Clip(turn=Turn(start=0.0, end=seconds), audio=audio, **facts)


@given(lengths=st.lists(st.integers(400, 3_000), min_size=1, max_size=6))
def test_pieces_lie_normalised_where_the_layout_has_them(lengths):
    chunks = [chunk_of(length) for length in lengths]
    layout = lay(lengths, gap=9)

    packed = pack(chunks, layout, CPU).numpy()

    expected = np.zeros(layout.samples, np.float32)
    for first, chunk in zip(layout.starts, chunks, strict=True):
        expected[first : first + len(chunk.samples)] = chunk.normalised()
    np.testing.assert_array_equal(packed, expected)


@given(data=st.data(), counts=st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_sums_are_of_the_frames_that_were_wanted(data, counts):
    pools = [np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for n in counts]
    frames = np.random.default_rng(sum(counts)).standard_normal((sum(counts), 3))
    parts = np.split(frames.astype(np.float32), np.cumsum(counts)[:-1])
    chunks = [chunk_of(400, pool=pool) for pool in pools]

    found = pooled(torch.from_numpy(np.concatenate(parts)), chunks, counts).numpy()

    expected = [summed((part, None), pool)[0] for part, pool in zip(parts, pools, strict=True)]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-12)


def test_what_is_not_a_number_in_one_piece_is_none_in_another():
    frames = torch.ones(4, 2)
    frames[1] = torch.nan
    chunks = [chunk_of(720, pool=np.array([True, True])) for _ in range(2)]

    found = pooled(frames, chunks, [2, 2])

    assert found[0].isnan().all()
    assert found[1].tolist() == [2, 2]


def test_a_batch_gives_the_sums_of_the_frames_it_would_give(backend):
    lengths = [16_000, 400, 9_000]
    random = np.random.default_rng(0)
    pools = [random.random(frame_count(length)) < 0.7 for length in lengths]
    whole = backend.start_batch([chunk_of(length) for length in lengths])()

    rows = backend.start_batch(
        [chunk_of(length, pool=pool) for length, pool in zip(lengths, pools, strict=True)]
    )()

    for frames, sums, pool in zip(whole, rows, pools, strict=True):
        for found, expected in zip(sums, summed(frames, pool), strict=True):
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, atol=1e-4)


def test_frames_and_sums_give_the_same_emotion(backend):
    spans = ((0.2, 0.5), (0.9, 1.3))
    clips = [clip_of(2.0, overlaps=spans, alone=True), clip_of(40.0, seed=1), clip_of(0.5, seed=2)]

    pairs = zip(Engine(backend)(clips), Engine(backend, granularity="frame")(clips), strict=True)

    for (_, sums), (_, frames) in pairs:
        assert sums.frame_embeddings is None
        assert (sums.label, sums.flags) == (frames.label, frames.flags)
        assert sums.logits == pytest.approx(frames.logits, abs=1e-5)
        np.testing.assert_allclose(sums.embedding, frames.embedding, atol=1e-6)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_the_way_of_a_gpu_is_the_reference_too(tmp_path):
    """The whole network with attention all at once, without its compiled kernel."""
    save_reference(tmp_path / "small", SMALL)
    backend = load_model(tmp_path / "small", device="cpu")
    backend.network.attention = all_at_once
    reference = load_model(f"funasr:{tmp_path / 'small'}", device="cpu")
    waveforms = [chunk_of(length).normalised() for length in (16_000, 400, 3_333, 50_000)]

    found = backend.run(waveforms)

    for (embeddings, logits), (theirs, head) in zip(found, reference.run(waveforms), strict=True):
        np.testing.assert_allclose(embeddings, theirs, atol=1e-4, rtol=0)
        np.testing.assert_allclose(logits, head, atol=1e-4, rtol=0)


class Queue(FakeBackend):
    """A device with a queue, which notes what is asked of it."""

    def __init__(self):
        super().__init__()
        self.log = []

    def start_batch(self, chunks):
        number = sum(kind == "start" for kind, _ in self.log)
        self.log.append(("start", number))
        plain = FakeBackend()

        def wait():
            self.log.append(("wait", number))
            return start(plain, chunks)()

        return wait


def test_a_batch_is_started_before_the_one_before_is_waited_for():
    queue = Queue()
    clips = [clip_of(1.0, seed=seed) for seed in range(4)]

    found = list(Engine(queue, batch_seconds=1.0)(clips))

    assert isinstance(queue, Pipelined)
    assert queue.log == [
        ("start", 0),
        *[step for n in (1, 2, 3) for step in (("start", n), ("wait", n - 1))],
        ("wait", 3),
    ]
    plain = list(Engine(FakeBackend(), batch_seconds=1.0)(clips))
    assert [clip for clip, _ in found] == clips
    for (_, ours), (_, theirs) in zip(found, plain, strict=True):
        assert ours.scores == theirs.scores


def test_a_batch_that_fails_while_it_is_waited_for_fails_the_run():
    class Broken(Queue):
        def start_batch(self, chunks):
            def wait():
                raise RuntimeError("the device is gone")

            return wait

    with pytest.raises(RuntimeError, match="the device is gone"):
        list(Engine(Broken(), batch_seconds=1.0)([clip_of(1.0), clip_of(1.0)]))


def test_a_batch_without_sums_where_they_were_wanted_is_an_error():
    class Whole(Queue):
        def start_batch(self, chunks):
            return lambda: FakeBackend().run([chunk.normalised() for chunk in chunks])

    with pytest.raises(ScorerError, match=r"start_batch must give \[1\] frames .* got \[49\]"):
        list(Engine(Whole())([clip_of(1.0)]))


def test_nothing_gives_nothing(backend):
    assert backend.run([]) == []


def test_a_back_end_that_loses_frames_is_an_error():
    class Short(FakeBackend):
        def run(self, waveforms):
            return [(embeddings[1:], logits) for embeddings, logits in super().run(waveforms)]

    with pytest.raises(ScorerError, match=r"Short.run must give \[49\] frames .* got \[48\]"):
        start(Short(), [chunk_of(16_000)])


def test_the_head_is_read_by_the_rows_of_the_tokens(backend):
    ((_, logits),) = backend.start_batch([chunk_of(400, pool=np.array([True]))])()

    assert logits.shape == (1, len(TOKENS))
