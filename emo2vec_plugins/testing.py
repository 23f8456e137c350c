"""Test helpers for plugin authors: a model without weights, and checks of the plugin contracts.

`FakeBackend` computes scores from simple statistics of the samples. They are the same on every
machine, so a plugin can be tested end to end in milliseconds. The ``check_`` functions raise
AssertionError with the broken rule, also for an object of the wrong type; exceptions of the
plugin's own code reach the test. `sample_conversation` returns audio to experiment with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.cli import sample_conversation as sample_conversation
from emo2vec_plugins.core import (
    Backend,
    Clip,
    Dialogue,
    DoubtMeasure,
    Emotion,
    FloatArray,
    Format,
    Frames,
    LabelSet,
    Provenance,
    Session,
    did_you_mean,
)
from emo2vec_plugins.engine import HOP, RECEPTIVE, Chunk, Pipelined, frame_count, start, summed
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import FIELDS, held, verify

TOKENS = ("生气/angry", "开心/happy", "中立/neutral", "难过/sad", "<unk>")


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeDoubt:
    """A measure of doubt: the share of the score that other classes have."""

    threshold: float = 0.5
    sha256: str = "d" * 64

    def __call__(self, embedding: FloatArray, logits: FloatArray) -> float:  # noqa: ARG002
        """Return 1 minus the largest probability."""
        return 1.0 - 1.0 / float(np.exp(logits - logits.max()).sum())


class FakeBackend:
    """A back end without weights: four statistics per frame and a fixed linear head.

    Args:
        doubt: Its measure of doubt, such as `FakeDoubt`.
    """

    labels = LabelSet.from_tokens(TOKENS)
    width = 4
    normalize = True
    batch_seconds = 30.0
    provenance = Provenance(model="fake", sha256="0" * 64, tokens=TOKENS, version="0")

    def __init__(self, *, doubt: DoubtMeasure | None = None) -> None:
        self.doubt = doubt
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
    """Assert that a waveform's frames do not depend on the other waveforms in a batch.

    The back end must have the attributes of `Backend`, and the arrays the promised shapes.
    """
    _check_members(backend, "a back end", methods=("run",), attributes=_BACKEND_ATTRIBUTES)
    labels: Any = backend.labels
    assert isinstance(labels, LabelSet), f"labels must be a LabelSet, got {labels!r}"
    lengths = [RECEPTIVE, 8_000, 719, 16_000, RECEPTIVE]
    random = np.random.default_rng(0)
    waveforms = [random.standard_normal(length).astype(np.float32) for length in lengths]
    together = _run(backend, waveforms)
    for waveform, (embeddings, logits) in zip(waveforms, together, strict=True):
        [(alone, logits_alone)] = _run(backend, [waveform])
        assert embeddings.shape == (frame_count(len(waveform)), backend.width), embeddings.shape
        np.testing.assert_allclose(embeddings, alone, atol=tolerance, rtol=0)
        assert (logits is None) == (not backend.labels.tokens), "logits must match the head"
        if logits is not None and logits_alone is not None:
            assert logits.shape == (len(embeddings), len(backend.labels.tokens)), logits.shape
            np.testing.assert_allclose(logits, logits_alone, atol=tolerance, rtol=0)
    if isinstance(backend, Pipelined):
        _check_sums(backend, waveforms, together, tolerance)


def _run(backend: Backend, waveforms: Sequence[FloatArray]) -> list[Frames]:
    results: Any = backend.run(waveforms)
    rule = "run() must return a list with one pair of embeddings and logits per waveform"
    assert isinstance(results, list), f"{rule}, got {type(results).__name__}"
    assert len(results) == len(waveforms), f"{rule}, got {len(results)} for {len(waveforms)}"
    for each in results:
        assert isinstance(each, tuple), f"{rule}, got {type(each).__name__}"
        assert len(each) == 2, f"{rule}, got {len(each)} values for one waveform"
        embeddings, logits = each
        for array in (embeddings, embeddings if logits is None else logits):
            assert isinstance(array, np.ndarray), f"expected arrays, got {type(array).__name__}"
    return list(results)


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
    """Run a session like the pipeline, one clip behind, and return the result of ``finish()``.

    The session must have clips: without one, ``take()`` would not be tested. A source without
    turns is valid in a run; test its ``finish()`` yourself.

    Args:
        session: The session of a source with at least one turn.
        emotion: The result for every clip; neutral if None.
    """
    result = (
        Emotion(label="neutral", score=1.0, scores={"neutral": 1.0}) if emotion is None else emotion
    )
    assert session is not None, "got no session: no plugin opened the source"
    _check_members(session, "a session", methods=("clips", "take", "finish"))
    clips: Any = session.clips()
    assert isinstance(clips, Iterable), f"clips() must yield Clip objects, got {clips!r}"
    waiting: list[Clip] = []
    for clip in clips:
        assert isinstance(clip, Clip), f"clips() must yield Clip objects, got {clip!r}"
        waiting.append(clip)
        if len(waiting) > 1:
            session.take(waiting.pop(0), result)
    assert waiting, "clips() yielded no clip: check the session of a source with a turn"
    for clip in waiting:
        session.take(clip, result)
    finished = session.finish()
    assert finished is not None, "finish() must return the enriched copy, got None"
    return finished


def check_format(format_: Format, dialogues: Sequence[Dialogue]) -> None:
    """Assert that a format reads its own output, and that a second round trip changes nothing.

    If the format declares *holds*, those fields must survive the round trip. Otherwise the
    recordings and the number and times of their turns must; a recording may lose its name, turns
    may be sorted, and *ticks* and *least* apply. A write-only format must write the same twice.

    Args:
        format_: The format.
        dialogues: Dialogues that the format can store, with different speakers, times and labels:
            a loss shows only in fields that have a value.
    """
    assert isinstance(format_, Format), f"expected a Format, got {format_!r}"
    for field in sorted(format_.holds or ()):
        hint = did_you_mean(field, FIELDS)
        assert field in FIELDS, f"holds of {format_.name!r} has an unknown field {field!r}{hint}"
    assert format_.dumps is not None, f"{format_.name} cannot write"
    text = format_.dumps(dialogues)
    kind = bytes if format_.binary else str
    found = type(text).__name__
    assert isinstance(text, kind), f"dumps must return {kind.__name__}, got {found}"
    if format_.loads is None:
        assert format_.dumps(dialogues) == text, "writing again changes the text"
        return
    again = _loaded(format_, text)
    if format_.holds is None:
        _check_turns(format_, dialogues, again)
        assert format_.dumps(again) == text, "a second round trip changes the text"
    else:
        _check_law(format_, dialogues, again)


_BACKEND_ATTRIBUTES = ("labels", "width", "normalize", "batch_seconds", "provenance")


def _check_members(
    item: Any, what: str, *, methods: Sequence[str], attributes: Sequence[str] = ()
) -> None:
    missing = [f"{name}()" for name in methods if not callable(getattr(item, name, None))]
    missing += [name for name in attributes if not hasattr(item, name)]
    found = f"the class {item.__name__}" if isinstance(item, type) else f"{item!r:.100}"
    assert not missing, f"expected {what}, got {found} without {', '.join(missing)}"
    assert not isinstance(item, type), f"expected {what}, got {found}"


def _loaded(format_: Format, text: Any) -> list[Dialogue]:
    assert format_.loads is not None
    found: Any = format_.loads(text)
    assert isinstance(found, list), f"loads must return a list, got {type(found).__name__}"
    for each in found:
        assert isinstance(each, Dialogue), f"loads must return Dialogue objects, got {each!r:.100}"
    return found


def _check_turns(format_: Format, dialogues: Sequence[Dialogue], again: list[Dialogue]) -> None:
    """Assert that recordings and the number and times of their turns survived."""
    wrote, read = [[each.recording for each in of] for of in (dialogues, again)]
    assert len(read) == len(wrote), f"a recording is lost or added: wrote {wrote}, read back {read}"
    for given, found in zip(dialogues, again, strict=True):
        name = found.recording
        assert name in (given.recording, ""), f"wrote recording {given.recording!r}, read {name!r}"
        where = f"format {format_.name!r}, recording {given.recording!r}"
        ours, theirs = len(given.turns), len(found.turns)
        assert ours == theirs, f"{where}: a turn is lost or added: wrote {ours}, read back {theirs}"
        pairs = zip(_times(given, format_), _times(found, format_), strict=True)
        for number, (before, after) in enumerate(pairs, 1):
            assert np.allclose(before, after, rtol=0, atol=1e-6), (
                f"{where}: the times of turn {number} changed: wrote {before}, read back {after}; "
                "if the format rounds times, declare its ticks"
            )


def _times(dialogue: Dialogue, format_: Format) -> list[tuple[float, float]]:
    """Return the sorted starts and ends of turns in seconds, on the format's grid."""
    [stored] = held([dialogue], replace(format_, holds=frozenset({"empty"})))
    rate = format_.ticks or 1
    return [(each.turn.start / rate, each.turn.end / rate) for each in stored.turns]


def _check_law(format_: Format, dialogues: Sequence[Dialogue], again: list[Dialogue]) -> None:
    try:
        verify(dialogues, again, format_)
    except FormatError as error:
        raise AssertionError(str(error)) from error
    assert format_.dumps is not None
    text = format_.dumps(again)
    assert format_.dumps(_loaded(format_, text)) == text, "a second round trip changes the text"
