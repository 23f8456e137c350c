"""The one stream: order, laziness, failures, and scorers that cheat."""

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
    """A source of a toolkit: how many clips it has, and the step at which it fails."""

    def __init__(self, name, clips=1, *, fails=None, error=None):
        self.name, self.count, self.fails = name, clips, fails
        self.error = error or ValueError("broken")
        self.log = []

    def reach(self, step):
        self.log.append(step)
        if step == self.fails:
            raise self.error


class Script:
    """A session that does what its source says."""

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
def test_sources_come_back_in_order_with_all_their_clips(score):
    sources = [Source("a", 3), Source("b", 0), Source("c", 1), Source("d", 0), Source("e", 7)]

    results = run(sources, score=score)

    assert results == [
        finished("a", 3),
        finished("b", 0),
        finished("c", 1),
        finished("d", 0),
        finished("e", 7),
    ]


def test_no_sources_give_nothing():
    assert run([]) == []


def test_clips_of_several_sources_share_a_batch():
    backend = FakeBackend()

    run([Source("a", 2), Source("b", 2)], score=Engine(backend, batch_seconds=3))

    assert backend.batches == [[RATE, RATE, RATE], [RATE]]


@pytest.mark.parametrize(("workers", "most"), [(0, 4), (2, 64)])
def test_sources_are_opened_when_the_stream_gets_to_them(workers, most):
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
    ("step", "message"),
    [
        ("open", "plugin 'script' failed in emo2vec_open: ValueError: broken"),
        ("clips", f"{__name__}.Script.clips failed: ValueError: broken"),
        ("clip 1", f"{__name__}.Script.clips failed: ValueError: broken"),
        ("take 0", f"{__name__}.Script.take failed: ValueError: broken"),
        ("take 2", f"{__name__}.Script.take failed: ValueError: broken"),
        ("finish", f"{__name__}.Script.finish failed: ValueError: broken"),
    ],
)
@pytest.mark.parametrize("score", [fake_score, Engine(FakeBackend())])
def test_a_source_that_fails_is_given_back_and_named(step, message, score):
    bad = Source("bad", 3, fails=step)

    with pytest.warns(Emo2vecWarning) as caught:
        results = run([Source("a", 2), bad, Source("b", 1)], score=score)

    assert results == [finished("a", 2), bad, finished("b", 1)]
    assert [str(warning.message) for warning in caught] == [f"not annotated: {message}"]


@pytest.mark.parametrize("step", ["clip 1", "take 0"])
def test_nothing_more_is_asked_of_a_session_that_failed(step):
    bad = Source("bad", 3, fails=step)

    with pytest.warns(Emo2vecWarning):
        run([bad])

    assert bad.log.count(step) == 1
    assert "finish" not in bad.log
    assert "take 1" not in bad.log


def test_what_a_failure_becomes_may_be_chosen():
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

    with pytest.warns(Emo2vecWarning, match=r"Odd\.clips failed: TypeError: a session must yield"):
        run([Source("a")], plugins=Plugins([module], installed=False))


def test_a_clip_that_cannot_be_heard_is_no_failure():
    turns = [Turn(start=0.0, end=1.0, speaker="a"), Turn(start=1.0, end=2.0, speaker="b")]
    lost = Recording(recording="lost", audio=MissingAudio("never recorded"), turns=turns)

    (dialogue,) = run([lost], score=Engine(FakeBackend()))

    assert [scored.turn for scored in dialogue.turns] == turns
    assert [scored.emotion.reason for scored in dialogue.turns] == ["never recorded"] * 2


# Scorers that break their contract.


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
    ("score", "message"),
    [
        (losing, "the scorer gave back"),
        (losing_the_last, "the scorer lost"),
        (repeating, "the scorer gave back"),
        (reordering, "the scorer gave back"),
        (copying, "the scorer gave back"),
        (inventing, "where None was next"),
        (forgetting_emotions, "the scorer gave no emotion for Clip"),
        (lambda items: iter(()), "the scorer lost 1 clips"),
        (lambda items: islice(fake_score(items), 2), "the scorer lost 1 clips"),
        (lambda items: iter(list(items)[:0]), "the scorer lost 4 clips"),
    ],
)
def test_a_scorer_that_cheats_is_an_error(score, message):
    with pytest.raises(ScorerError, match=message):
        run([Source("a", 3)], score=score)


# Stopping early, and memory.


def test_closing_stops_what_is_read_ahead():
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
    """Sound of any length that takes no memory."""

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
    # Without threads: how far they are ahead at the peak is chance.
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
    # The same 200 lengths ten times over: the longest turn, which sets the peak, is in both.
    few, many = lengths[:200], np.tile(lengths[:200], 10)

    assert peak_of(many) < 1.1 * peak_of(few)


def test_2000_turns_take_the_memory_of_200():
    assert_memory_does_not_grow(np.random.default_rng(0).gamma(0.7, 4.0, 200) + 0.1)


def test_2000_turns_of_real_meetings_take_the_memory_of_200(shared):
    lengths = meeting_lengths(shared)

    assert len(lengths) > 2_000
    longest = lengths.max()
    assert peak_of(np.append(lengths[:1_999], longest)) < 1.1 * peak_of(
        np.append(lengths[:199], longest)
    )


def test_frames_that_nobody_asked_for_are_not_kept():
    recording = Recording(recording="a", audio=SOUND, turns=[Turn(start=0.0, end=1.0)])
    engine = Engine(FakeBackend(), granularity="frame")

    (without,) = annotate([recording], score=engine)
    (with_frames,) = annotate([recording], score=engine, options=Options(frames=True))

    assert without.turns[0].emotion.frame_embeddings is None
    assert without.turns[0].emotion.frame_logits is None
    assert with_frames.turns[0].emotion.frame_logits.shape == (49, 5)


def test_frames_are_not_left_out_in_silence():
    with pytest.raises(OptionsError, match="granularity='frame'"):
        annotate([], score=Engine(FakeBackend()), options=Options(frames=True))


# Mistakes of the caller: refused at once, before anything is read.


@pytest.mark.parametrize(
    ("score", "why"),
    [
        ("tiny", r"score is an Engine, got the string 'tiny': Engine\(load_model\('tiny'\)\)"),
        (FakeBackend(), r"score is an Engine, got FakeBackend: Engine\("),
        (Engine, "score is an Engine, got the class Engine"),
        (None, "score is an Engine, got NoneType"),
    ],
)
def test_what_cannot_score_is_refused(score, why):
    with pytest.raises(OptionsError, match=why):
        annotate([], score=score)


@pytest.mark.parametrize(
    "source",
    ["a.wav", b"a.wav", Path("a.wav"), Recording(recording="a", audio="a.wav"), {"audio": "a"}],
)
def test_one_source_in_place_of_a_list_is_refused(source):
    with pytest.raises(SourceError, match=rf"got one {type(source).__name__}: put it in a list"):
        annotate(source, score=Engine(FakeBackend()))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"options": {"overlap": "exclude"}}, "options is an Options object, got dict"),
        ({"options": Options}, "options is an Options object, got the class Options"),
        ({"plugins": [object()]}, "plugins is a Plugins object, got list"),
    ],
)
def test_options_and_plugins_of_another_kind_are_refused(arguments, why):
    with pytest.raises(OptionsError, match=why):
        annotate([], score=Engine(FakeBackend()), **arguments)


def test_a_warning_names_the_line_that_annotates():
    with pytest.warns(Emo2vecWarning, match="not annotated") as caught:
        list(annotate([object()], score=Engine(FakeBackend())))

    assert [warning.filename for warning in caught] == [__file__]
