"""Test helpers for plugin authors: a model without weights, and checks of the plugin contracts.

`FakeBackend` computes scores from simple statistics of the samples. They are the same on every
machine, so a plugin can be tested end to end in milliseconds. The ``check_`` functions raise
AssertionError with the broken rule. `sample_conversation` returns audio to experiment with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.cli import sample_conversation as sample_conversation
from emo2vec_plugins.core import (
    Backend,
    Clip,
    Dialogue,
    Emotion,
    FloatArray,
    Format,
    Frames,
    LabelSet,
    Provenance,
    Session,
)
from emo2vec_plugins.engine import HOP, RECEPTIVE, Chunk, Pipelined, frame_count, start, summed
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import verify

TOKENS = ("生气/angry", "开心/happy", "中立/neutral", "难过/sad", "<unk>")


class FakeBackend:
    """A back end without weights: four statistics per frame and a fixed linear head."""

    labels = LabelSet.from_tokens(TOKENS)
    width = 4
    normalize = True
    batch_seconds = 30.0
    provenance = Provenance(model="fake", sha256="0" * 64, tokens=TOKENS, version="0")

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        """Lengths of the waveforms of each call in samples, for tests of batching."""

    def run(self, waveforms: Sequence[FloatArray]) -> list[Frames]:
        """Return each waveform's frames; a frame depends only on its own 400 samples."""
        self.batches.append([len(waveform) for waveform in waveforms])
        return [self._frames(np.asarray(waveform, dtype=np.float64)) for waveform in waveforms]

    def _frames(self, waveform: Any) -> Frames:
        index = np.arange(frame_count(len(waveform)))[:, None] * HOP + np.arange(RECEPTIVE)
        frames = waveform[index]
        statistics = [
            frames.mean(axis=1),
            frames.std(axis=1),
            np.abs(np.diff(frames, axis=1)).mean(axis=1),
            frames.max(axis=1),
        ]
        embeddings = np.stack(statistics, axis=1).astype(np.float32)
        head = np.sin(np.arange(self.width * len(TOKENS))).reshape(self.width, -1)
        return embeddings, (embeddings @ head.astype(np.float32))


def tone(seconds: float, *, pitch: float = 220.0, rate: int = MODEL_RATE) -> FloatArray:
    """Return a decaying tone as mono float32 samples."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * pitch * time) * np.exp(-time)).astype(np.float32)


def check_backend(backend: Backend, *, tolerance: float = 1e-4) -> None:
    """Assert that a waveform's frames do not depend on the other waveforms in a batch."""
    lengths = [RECEPTIVE, 8_000, 719, 16_000, RECEPTIVE]
    random = np.random.default_rng(0)
    waveforms = [random.standard_normal(length).astype(np.float32) for length in lengths]
    together = backend.run(waveforms)
    assert len(together) == len(waveforms), "run() must return one result per waveform"
    for waveform, (embeddings, logits) in zip(waveforms, together, strict=True):
        alone, logits_alone = backend.run([waveform])[0]
        assert embeddings.shape == (frame_count(len(waveform)), backend.width), embeddings.shape
        np.testing.assert_allclose(embeddings, alone, atol=tolerance, rtol=0)
        assert (logits is None) == (not backend.labels.tokens), "logits must match the head"
        if logits is not None and logits_alone is not None:
            assert logits.shape == (len(embeddings), len(backend.labels.tokens)), logits.shape
            np.testing.assert_allclose(logits, logits_alone, atol=tolerance, rtol=0)
    if isinstance(backend, Pipelined):
        _check_sums(backend, waveforms, together, tolerance)


def _check_sums(
    backend: Pipelined,
    waveforms: Sequence[FloatArray],
    frames: Sequence[Frames],
    tolerance: float,
) -> None:
    """Assert that a back end normalises chunks and returns the sums of the pooled frames."""
    pools = [np.arange(len(embeddings)) % 3 < 2 for embeddings, _ in frames]
    chunks = [
        Chunk(samples=waveform / 2 + 1, mean=1.0, scale=2.0, pool=pool)
        for waveform, pool in zip(waveforms, pools, strict=True)
    ]
    found = start(backend, chunks)()
    for given, whole, pool in zip(found, frames, pools, strict=True):
        for total, expected in zip(given, summed(whole, pool), strict=True):
            assert (total is None) == (expected is None), "logits must match the head"
            if total is not None and expected is not None:
                mean, wanted = total / pool.sum(), expected / pool.sum()
                np.testing.assert_allclose(mean, wanted, atol=tolerance, rtol=0)


def check_session(session: Session, emotion: Emotion | None = None) -> Any:
    """Run a session like the pipeline, one clip behind, and return the result of ``finish()``."""
    result = (
        Emotion(label="neutral", score=1.0, scores={"neutral": 1.0}) if emotion is None else emotion
    )
    assert session is not None, "got no session: no plugin opened the source"
    waiting: list[Clip] = []
    for clip in session.clips():
        assert isinstance(clip, Clip), f"clips() must yield Clip objects, got {clip!r}"
        waiting.append(clip)
        if len(waiting) > 1:
            session.take(waiting.pop(0), result)
    for clip in waiting:
        session.take(clip, result)
    finished = session.finish()
    assert finished is not None, "finish() must return the enriched copy, got None"
    return finished


def check_format(format_: Format, dialogues: Sequence[Dialogue]) -> None:
    """Assert that a format reads its own output, and that a second round trip changes nothing.

    If the format declares *holds*, those fields must survive the round trip; otherwise the names
    of the recordings and the number of their turns must. A write-only format must write the same
    twice.
    """
    assert format_.dumps is not None, f"{format_.name} cannot write"
    text = format_.dumps(dialogues)
    kind = bytes if format_.binary else str
    found = type(text).__name__
    assert isinstance(text, kind), f"dumps must return {kind.__name__}, got {found}"
    if format_.loads is None:
        assert format_.dumps(dialogues) == text, "writing again changes the text"
        return
    again = format_.loads(text)
    if format_.holds is not None:
        _check_law(format_, dialogues, again)
        return
    assert format_.dumps(again) == text, "a second round trip changes the text"
    assert [d.recording for d in again] == [d.recording for d in dialogues], "a recording is lost"
    assert [len(d.turns) for d in again] == [len(d.turns) for d in dialogues], "a turn is lost"


def _check_law(format_: Format, dialogues: Sequence[Dialogue], again: list[Dialogue]) -> None:
    try:
        verify(dialogues, again, format_)
    except FormatError as error:
        raise AssertionError(str(error)) from error
    assert format_.dumps is not None
    assert format_.loads is not None
    text = format_.dumps(again)
    assert format_.dumps(format_.loads(text)) == text, "a second round trip changes the text"
