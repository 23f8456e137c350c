"""Non-blocking batches: their results and the order of calls."""

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
def test_chunks_are_packed_normalised_at_their_positions(lengths):
    chunks = [chunk_of(length) for length in lengths]
    layout = lay(lengths, gap=9)

    packed = pack(chunks, layout, CPU).numpy()

    expected = np.zeros(layout.samples, np.float32)
    for first, chunk in zip(layout.starts, chunks, strict=True):
        expected[first : first + len(chunk.samples)] = chunk.normalised()
    np.testing.assert_array_equal(packed, expected)


@given(data=st.data(), counts=st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_sums_cover_exactly_the_pooled_frames(data, counts):
    pools = [np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for n in counts]
    frames = np.random.default_rng(sum(counts)).standard_normal((sum(counts), 3))
    parts = np.split(frames.astype(np.float32), np.cumsum(counts)[:-1])
    chunks = [chunk_of(400, pool=pool) for pool in pools]

    found = pooled(torch.from_numpy(np.concatenate(parts)), chunks, counts).numpy()

    expected = [summed((part, None), pool)[0] for part, pool in zip(parts, pools, strict=True)]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-12)


def test_nan_in_one_chunk_does_not_affect_another():
    frames = torch.ones(4, 2)
    frames[1] = torch.nan
    chunks = [chunk_of(720, pool=np.array([True, True])) for _ in range(2)]

    found = pooled(frames, chunks, [2, 2])

    assert found[0].isnan().all()
    assert found[1].tolist() == [2, 2]


def test_a_batch_with_pools_returns_the_sums_of_its_frames(backend):
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
def test_the_network_with_attention_for_gpus_equals_the_reference(tmp_path):
    """The kernel runs uncompiled here."""
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
    """A device with a queue that logs its calls."""

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


def test_each_batch_is_started_before_the_previous_one_is_awaited():
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


def test_a_batch_that_fails_while_it_is_awaited_fails_the_run():
    class Broken(Queue):
        def start_batch(self, chunks):
            def wait():
                raise RuntimeError("the device is gone")

            return wait

    with pytest.raises(RuntimeError, match="the device is gone"):
        list(Engine(Broken(), batch_seconds=1.0)([clip_of(1.0), clip_of(1.0)]))


def test_a_batch_that_returns_frames_instead_of_sums_is_an_error():
    class Whole(Queue):
        def start_batch(self, chunks):
            return lambda: FakeBackend().run([chunk.normalised() for chunk in chunks])

    with pytest.raises(ScorerError, match=r"start_batch .*\[1\].* got \[49\]"):
        list(Engine(Whole())([clip_of(1.0)]))


def test_an_empty_batch_returns_an_empty_list(backend):
    assert backend.run([]) == []


def test_a_back_end_that_loses_frames_is_an_error():
    class Short(FakeBackend):
        def run(self, waveforms):
            return [(embeddings[1:], logits) for embeddings, logits in super().run(waveforms)]

    with pytest.raises(ScorerError, match=r"Short\.run .*\[49\].* got \[48\]"):
        start(Short(), [chunk_of(16_000)])


def test_logits_have_one_column_per_token(backend):
    ((_, logits),) = backend.start_batch([chunk_of(400, pool=np.array([True]))])()

    assert logits.shape == (1, len(TOKENS))
