"""The annotation pipeline: order, laziness, failures, and invalid scorers."""

from __future__ import annotations

import pickle
import tracemalloc
import types
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from emo2vec_plugins.audio.sources import ArrayAudio, MissingAudio
from emo2vec_plugins.core.hookspecs import hookimpl
from emo2vec_plugins.core.pipeline import End, annotate
from emo2vec_plugins.core.plugins import Plugins
from emo2vec_plugins.core.session import Clip, Options, Recording
from emo2vec_plugins.core.values import Emotion, Turn
from emo2vec_plugins.engine.engine import Engine
from emo2vec_plugins.errors import (
    Emo2vecWarning,
    OptionsError,
    PluginError,
    ScorerError,
    SourceError,
)
from emo2vec_plugins.testing import FakeBackend, tone

RATE = 16_000
SOUND = ArrayAudio(tone(60.0), RATE)


class Source:
    """A source of a toolkit, with a number of clips and the step at which it fails."""

    def __init__(self, name, clips=1, *, fails=None, error=None):
        self.name, self.count, self.fails = name, clips, fails
        self.error = error or ValueError("broken")
        self.log = []

    def reach(self, step):
        self.log.append(step)
        if step == self.fails:
            raise self.error


class Script:
    """A session over a `Source`."""

    def __init__(self, source):
        self.source = source
        self.taken = []

    def clips(self):
        self.source.reach("clips")
        for index in range(self.source.count):
            self.source.reach(f"clip {index}")
            turn = Turn(start=float(index), end=index + 1.0)
            yield Clip(turn=turn, audio=SOUND, key=(self.source.name, index))

    def take(self, clip, emotion):
        self.source.reach(f"take {clip.key[1]}")
        self.taken.append((clip.key, emotion.label))

    def finish(self):
        self.source.reach("finish")
        return self.source.name, [key for key, _ in self.taken]


def script_plugin():
    module = types.ModuleType("script")

    @hookimpl
    def emo2vec_open(source):
        if isinstance(source, Source):
            source.reach("open")
            return Script(source)
        return None

    module.emo2vec_open = emo2vec_open
    return module


PLUGINS = Plugins([script_plugin()], installed=False)


def fake_score(items):
    for item in items:
        yield item, Emotion(label="sad", score=1.0) if isinstance(item, Clip) else None


def run(sources, **options):
    return list(annotate(sources, **{"score": fake_score, "plugins": PLUGINS} | options))


def finished(name, count):
    return name, [(name, index) for index in range(count)]


@pytest.mark.parametrize("score", [fake_score, Engine(FakeBackend(), batch_seconds=2.5)])
def test_sources_are_returned_in_order_with_all_their_clips(score):
    sources = [Source("a", 3), Source("b", 0), Source("c", 1), Source("d", 0), Source("e", 7)]

    results = run(sources, score=score)

    assert results == [
        finished("a", 3),
        finished("b", 0),
        finished("c", 1),
        finished("d", 0),
        finished("e", 7),
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_sources_before_an_error_of_their_iterable_are_returned_first(workers):
    def sources():
        yield from (Source("a", 3), Source("b", 1))
        raise OSError("the disk is gone")

    engine = Engine(FakeBackend(), batch_seconds=60.0, workers=workers)
    results = annotate(sources(), score=engine, plugins=PLUGINS)

    assert [next(results), next(results)] == [finished("a", 3), finished("b", 1)]
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)


def test_no_sources_give_no_results():
    assert run([]) == []


def test_clips_of_several_sources_share_a_batch():
    backend = FakeBackend()

    run([Source("a", 2), Source("b", 2)], score=Engine(backend, batch_seconds=3))

    assert backend.batches == [[RATE, RATE, RATE], [RATE]]


@pytest.mark.parametrize(("workers", "most"), [(0, 4), (2, 64)])
def test_sources_are_opened_when_the_stream_reaches_them(workers, most):
    sources = [Source(str(index), 1) for index in range(100)]

    engine = Engine(FakeBackend(), batch_seconds=2, workers=workers)
    stream = annotate(iter(sources), score=engine, plugins=PLUGINS)
    assert not any(source.log for source in sources)
    next(stream)

    assert sum(bool(source.log) for source in sources) <= most


def test_a_result_is_taken_before_the_next_source_is_finished():
    source = Source("a", 2)

    run([source])

    assert source.log == ["open", "clips", "clip 0", "take 0", "clip 1", "take 1", "finish"]


def test_options_reach_the_session():
    seen = []
    module = types.ModuleType("spy")
    module.emo2vec_open = hookimpl(lambda source, options: seen.append(options))
    options = Options(field="mood")

    run([Source("a")], plugins=Plugins([script_plugin(), module], installed=False), options=options)

    assert seen == [options]


# One source fails, the others do not.


@pytest.mark.parametrize(
    ("step", "facts"),
    [
        ("open", ["'script'", "emo2vec_open"]),
        ("clips", [f"{__name__}.Script.clips"]),
        ("clip 1", [f"{__name__}.Script.clips"]),
        ("take 0", [f"{__name__}.Script.take"]),
        ("take 2", [f"{__name__}.Script.take"]),
        ("finish", [f"{__name__}.Script.finish"]),
    ],
)
@pytest.mark.parametrize("score", [fake_score, Engine(FakeBackend())])
def test_a_source_that_fails_is_returned_with_a_warning_that_names_the_step(step, facts, score):
    bad = Source("bad", 3, fails=step)

    with pytest.warns(Emo2vecWarning) as caught:
        results = run([Source("a", 2), bad, Source("b", 1)], score=score)

    assert results == [finished("a", 2), bad, finished("b", 1)]
    (warning,) = caught
    for fact in ("not annotated", "ValueError: broken", *facts):
        assert fact in str(warning.message)


@pytest.mark.parametrize("step", ["clip 1", "take 0"])
def test_a_session_that_failed_is_not_called_again(step):
    bad = Source("bad", 3, fails=step)

    with pytest.warns(Emo2vecWarning):
        run([bad])

    assert bad.log.count(step) == 1
    assert "finish" not in bad.log
    assert "take 1" not in bad.log


def test_the_caller_can_choose_what_is_yielded_for_a_failed_source():
    seen = []

    def failed(source, error):
        seen.append(error)
        return "gave up"

    results = run([Source("bad", fails="finish"), object(), Source("a")], failed=failed)

    assert results == ["gave up", "gave up", finished("a", 1)]
    assert isinstance(seen[0], PluginError)
    assert isinstance(seen[0].__cause__, ValueError)
    assert isinstance(seen[1], SourceError)


@pytest.mark.parametrize("step", ["take 0", "finish"])
def test_a_full_disk_ends_the_run(step):
    bad = Source("bad", fails=step, error=OSError(28, "No space left on device"))

    with pytest.raises(OSError, match="No space left"):
        run([bad, Source("a")])


def test_a_file_that_cannot_be_read_fails_its_source_only():
    bad = Source("bad", fails="clips", error=FileNotFoundError("manifest"))

    with pytest.warns(Emo2vecWarning, match="FileNotFoundError: manifest"):
        results = run([bad, Source("a")])

    assert results == [bad, finished("a", 1)]


@pytest.mark.parametrize("item", [None, "a turn", Turn(start=0.0, end=1.0)])
def test_a_session_that_yields_other_things_fails(item):
    class Odd(Script):
        def clips(self):
            yield item

    module = types.ModuleType("odd")
    module.emo2vec_open = hookimpl(lambda source: Odd(source))

    with pytest.warns(Emo2vecWarning, match=r"Odd\.clips .*TypeError: .*Clip"):
        run([Source("a")], plugins=Plugins([module], installed=False))


def test_a_clip_without_readable_audio_is_not_a_failure():
    turns = [Turn(start=0.0, end=1.0, speaker="a"), Turn(start=1.0, end=2.0, speaker="b")]
    lost = Recording(recording="lost", audio=MissingAudio("never recorded"), turns=turns)

    (dialogue,) = run([lost], score=Engine(FakeBackend()))

    assert [scored.turn for scored in dialogue.turns] == turns
    assert [scored.emotion.reason for scored in dialogue.turns] == ["never recorded"] * 2


# Scorers that violate their contract.


def losing(items):
    yield from (pair for index, pair in enumerate(fake_score(items)) if index != 1)


def losing_the_last(items):
    for item in items:
        if isinstance(item, Clip):
            yield item, Emotion(label="sad")


def repeating(items):
    for pair in fake_score(items):
        yield pair
        yield pair


def reordering(items):
    yield from reversed(list(fake_score(items)))


def copying(items):
    for item, emotion in fake_score(items):
        yield pickle.loads(pickle.dumps(item)) if isinstance(item, End) else item, emotion


def inventing(items):
    yield from fake_score(items)
    yield End(), None


def forgetting_emotions(items):
    for item in items:
        yield item, None


@pytest.mark.parametrize(
    ("score", "facts"),
    [
        (losing, r"Clip.*'a', 2.* expected Clip.*'a', 1"),
        (losing_the_last, r"lost 1 items.* End\(\)"),
        (repeating, r"Clip.*'a', 0.*, expected None"),
        (reordering, r"End\(\), expected Clip.*'a', 0"),
        (copying, r"End\(\), expected End\(\)"),
        (inventing, r"End\(\), expected None"),
        (forgetting_emotions, r"no emotion for Clip.*'a', 0"),
        (lambda items: iter(()), r"lost 1 items.*'a', 0"),
        (lambda items: islice(fake_score(items), 2), r"lost 1 items.*'a', 2"),
        (lambda items: iter(list(items)[:0]), "lost 4 items"),
    ],
)
def test_an_invalid_scorer_is_an_error(score, facts):
    with pytest.raises(ScorerError, match=facts):
        run([Source("a", 3)], score=score)


# Stopping early, and memory.


def test_closing_stops_reading_ahead():
    closed = []

    def sources():
        try:
            while True:
                yield Source("a", 3)
        finally:
            closed.append("sources")

    stream = annotate(sources(), score=Engine(FakeBackend()), plugins=PLUGINS)
    next(stream)
    stream.close()

    assert closed == ["sources"]


def meeting_lengths(shared):
    seconds = [
        float(line.split()[4])
        for path in sorted((shared / "meetings_rttm").glob("**/*.rttm"))
        for line in path.read_text().splitlines()
    ]
    return np.random.default_rng(0).permutation(seconds)


class Hum:
    """Audio of any length that takes no memory."""

    rate, length, channels = RATE, 24 * 3_600 * RATE, (0,)

    def read(self, start, stop, channels):
        return np.sin(np.arange(start, stop, dtype=np.float32) * 0.1)[None]


class Mean(FakeBackend):
    """Cheap, so that an hour of speech takes a second."""

    def run(self, waveforms):
        counts = [(len(waveform) - 400) // 320 + 1 for waveform in waveforms]
        return [
            (np.full((count, 4), waveform.mean()), np.full((count, 5), waveform[0]))
            for count, waveform in zip(counts, waveforms, strict=True)
        ]


def recordings(lengths, *, turns=20):
    for first in range(0, len(lengths), turns):
        ends = np.cumsum(lengths[first : first + turns])
        starts = ends - lengths[first : first + turns]
        yield Recording(
            recording=str(first),
            audio=Hum(),
            turns=[
                Turn(start=start, end=end, speaker=str(index % 4))
                for index, (start, end) in enumerate(
                    zip(starts.tolist(), ends.tolist(), strict=True)
                )
            ],
        )


def peak_of(lengths):
    # Without threads, because how far they read ahead at the peak is random.
    engine = Engine(Mean(), workers=0)
    tracemalloc.start()
    try:
        scored = sum(
            len(dialogue.turns)
            for dialogue in annotate(
                recordings(lengths), score=engine, plugins=Plugins(installed=False)
            )
        )
        assert scored == len(lengths)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def assert_memory_does_not_grow(lengths):
    # The same 200 lengths, repeated ten times: both contain the longest turn, which sets the peak.
    few, many = lengths[:200], np.tile(lengths[:200], 10)

    assert peak_of(many) < 1.1 * peak_of(few)


def test_2000_turns_need_as_much_memory_as_200():
    assert_memory_does_not_grow(np.random.default_rng(0).gamma(0.7, 4.0, 200) + 0.1)


def test_2000_turns_of_real_meetings_need_as_much_memory_as_200(shared):
    lengths = meeting_lengths(shared)

    assert len(lengths) > 2_000
    longest = lengths.max()
    assert peak_of(np.append(lengths[:1_999], longest)) < 1.1 * peak_of(
        np.append(lengths[:199], longest)
    )


def test_frames_are_kept_only_on_request():
    recording = Recording(recording="a", audio=SOUND, turns=[Turn(start=0.0, end=1.0)])
    engine = Engine(FakeBackend(), granularity="frame")

    (without,) = annotate([recording], score=engine)
    (with_frames,) = annotate([recording], score=engine, options=Options(frames=True))

    assert without.turns[0].emotion.frame_embeddings is None
    assert without.turns[0].emotion.frame_logits is None
    assert with_frames.turns[0].emotion.frame_logits.shape == (49, 5)


def test_frames_from_an_engine_without_frames_are_an_error():
    with pytest.raises(OptionsError, match="granularity='frame'"):
        annotate([], score=Engine(FakeBackend()), options=Options(frames=True))


# Invalid arguments are rejected at once, before anything is read.


@pytest.mark.parametrize(
    ("score", "facts"),
    [
        ("tiny", r"score .*string 'tiny': .*Engine\(load_model\('tiny'\)\)"),
        (FakeBackend(), r"score .*FakeBackend: .*Engine\("),
        (Engine, "score .*class Engine"),
        (None, "score .*NoneType"),
    ],
)
def test_an_invalid_score_is_rejected(score, facts):
    with pytest.raises(OptionsError, match=facts):
        annotate([], score=score)


@pytest.mark.parametrize(
    "source",
    ["a.wav", b"a.wav", Path("a.wav"), Recording(recording="a", audio="a.wav"), {"audio": "a"}],
)
def test_one_source_in_place_of_a_list_is_rejected(source):
    with pytest.raises(SourceError, match=rf"one {type(source).__name__}.* list"):
        annotate(source, score=Engine(FakeBackend()))


@pytest.mark.parametrize(
    ("arguments", "facts"),
    [
        ({"options": {"overlap": "exclude"}}, "options .*Options object.* dict"),
        ({"options": Options}, "options .*Options object.* class Options"),
        ({"plugins": [object()]}, "plugins .*Plugins object.* list"),
    ],
)
def test_options_and_plugins_of_the_wrong_type_are_rejected(arguments, facts):
    with pytest.raises(OptionsError, match=facts):
        annotate([], score=Engine(FakeBackend()), **arguments)


def test_a_warning_points_to_the_line_that_annotates():
    with pytest.warns(Emo2vecWarning, match="not annotated") as caught:
        list(annotate([object()], score=Engine(FakeBackend())))

    assert [warning.filename for warning in caught] == [__file__]
