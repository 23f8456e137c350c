"""The public testing module: valid plugins pass its checks, broken ones fail."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from emo2vec_plugins.audio.sources import ArrayAudio
from emo2vec_plugins.core.backend import Backend
from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.plugins import Plugins
from emo2vec_plugins.core.session import Clip, Options, Recording
from emo2vec_plugins.core.values import Dialogue, Emotion, ScoredTurn, Turn
from emo2vec_plugins.engine.engine import Engine
from emo2vec_plugins.testing import FakeBackend, check_backend, check_format, check_session, tone

DIALOGUE = Dialogue(
    recording="a",
    turns=(ScoredTurn(turn=Turn(start=0.0, end=1.0), emotion=Emotion(label="sad", score=0.5)),),
)


def test_the_fake_backend_is_a_back_end():
    assert isinstance(FakeBackend(), Backend)
    check_backend(FakeBackend(), tolerance=0.0)


def test_the_fake_backend_is_deterministic():
    (emotion,) = Engine(FakeBackend()).score((tone(1.0), 16_000))

    assert emotion.label == "unknown"
    assert emotion.score == pytest.approx(0.4096, abs=1e-4)


def test_a_tone_has_its_length_and_stays_in_range():
    assert len(tone(0.5)) == 8_000
    assert len(tone(0.5, rate=44_100)) == 22_050
    assert tone(1.0).dtype == np.float32
    assert 0.4 < np.abs(tone(1.0)).max() <= 0.5


class Padded(FakeBackend):
    """Results depend on the longest waveform of the batch, as in the reference."""

    def run(self, waveforms):
        longest = max(map(len, waveforms))
        results = super().run(waveforms)
        return [(frames + longest / 1e6, logits) for frames, logits in results]


class Losing(FakeBackend):
    def run(self, waveforms):
        return super().run(waveforms)[:1]


class Misshapen(FakeBackend):
    def run(self, waveforms):
        return [(frames[:-1], logits[:-1]) for frames, logits in super().run(waveforms)]


class WithoutLogits(FakeBackend):
    def run(self, waveforms):
        return [(frames, None) for frames, _ in super().run(waveforms)]


class Lists(FakeBackend):
    def run(self, waveforms):
        return [(frames.tolist(), logits) for frames, logits in super().run(waveforms)]


class Nothing(FakeBackend):
    def run(self, waveforms):
        return None


class Single(FakeBackend):
    def run(self, waveforms):
        return [frames for frames, _ in super().run(waveforms)]


@pytest.mark.parametrize("kind", [Padded, Losing, Misshapen, WithoutLogits, Lists, Nothing, Single])
def test_a_broken_back_end_is_found(kind):
    with pytest.raises(AssertionError):
        check_backend(kind())


class WithoutWidth:
    labels = FakeBackend.labels
    normalize = True
    batch_seconds = 30.0
    provenance = FakeBackend.provenance
    run = FakeBackend.run


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("x", r"'x' without run\(\), labels, width"),
        (None, r"None without run\(\)"),
        (WithoutWidth(), "without width$"),
        (FakeBackend, "got the class FakeBackend$"),
    ],
)
def test_another_object_than_a_back_end_is_found(value, message):
    with pytest.raises(AssertionError, match=message):
        check_backend(value)


def session_of(*, clip=None, finish=True, starts=(0.0, 0.5)):
    class Session:
        def __init__(self):
            self.taken = []

        def clips(self):
            audio = ArrayAudio(tone(1.0), 16_000)
            for start in starts:
                turn = Turn(start=start, end=start + 0.5)
                yield Clip(turn=turn, audio=audio) if clip is None else clip

        def take(self, clip, emotion):
            self.taken.append((clip.turn.start, emotion.label))

        def finish(self):
            return self.taken if finish else None

    return Session()


def test_a_valid_session_passes():
    assert check_session(session_of()) == [(0.0, "neutral"), (0.5, "neutral")]


def test_the_emotion_can_be_chosen():
    emotion = Emotion(reason="too short")

    assert check_session(session_of(), emotion) == [(0.0, None), (0.5, None)]


@pytest.mark.parametrize(
    ("session", "message"),
    [
        (session_of(clip="not a clip"), r"clips\(\) .*'not a clip'"),
        (session_of(finish=False), r"finish\(\) .*None"),
        (session_of(starts=()), r"clips\(\) .*no clip"),
        (SimpleNamespace(clips=lambda: None, take=print, finish=print), r"clips\(\) .*None"),
        (SimpleNamespace(clips=list), r"without take\(\), finish\(\)"),
        ("abc", r"'abc' without clips\(\), take\(\), finish\(\)"),
    ],
)
def test_a_broken_session_is_found(session, message):
    with pytest.raises(AssertionError, match=message):
        check_session(session)


def test_the_built_in_recordings_keep_the_contract():
    turns = [Turn(start=0.0, end=0.5, speaker="a"), Turn(start=0.2, end=0.2, speaker="b")]
    recording = Recording(recording="a", audio=(tone(1.0), 16_000), turns=turns)

    dialogue = check_session(Plugins(installed=False).open(recording, Options()))

    assert [scored.turn for scored in dialogue.turns] == turns


def format_of(*, dumps, loads, **more):
    return Format(
        name="x", suffixes=(".x",), description="a format", dumps=dumps, loads=loads, **more
    )


def test_a_format_that_keeps_everything_passes():
    check_format(format_of(dumps=lambda d: "text", loads=lambda text: [DIALOGUE]), [DIALOGUE])


def test_a_write_only_format_passes():
    check_format(format_of(dumps=lambda d: "text", loads=None), [DIALOGUE])


@pytest.mark.parametrize(
    ("dumps", "loads", "message"),
    [
        (None, lambda text: [DIALOGUE], "cannot write"),
        (lambda d: str(time.perf_counter_ns()), None, "writing again"),
        (lambda d: b"text", None, "str, got bytes"),
        (lambda d: None, lambda text: [DIALOGUE], "str, got NoneType"),
        (lambda d: "text", lambda text: None, "list, got NoneType"),
        (lambda d: "text", lambda text: ["a"], "Dialogue .*'a'"),
        (lambda d: "text", lambda text: [], r"a recording is lost.* \['a'\], .* \[\]"),
        (lambda d: "text", lambda text: [replace(DIALOGUE, recording="b")], "'a', .*'b'"),
        (lambda d: "text", lambda text: [Dialogue(recording="a")], "a turn is lost"),
        (lambda d: str(id(d)), lambda text: [DIALOGUE], "changes the text"),
    ],
)
def test_a_broken_format_is_found(dumps, loads, message):
    with pytest.raises(AssertionError, match=message):
        check_format(format_of(dumps=dumps, loads=loads), [DIALOGUE])


def test_a_missing_session_is_found():
    with pytest.raises(AssertionError, match="no session"):
        check_session(None)


def a_talk(*times):
    return Dialogue(recording="a", turns=tuple(a_turn(start, end) for start, end in times))


def a_turn(start, end):
    turn = Turn(start=start, end=end, speaker="Anna")
    return ScoredTurn(turn=turn, emotion=Emotion(label="sad", score=0.5))


def test_a_format_that_writes_nothing_of_its_turns_is_found():
    def loads(text):
        turn = ScoredTurn(turn=Turn(start=0.0, end=1.0), emotion=Emotion(label="neutral"))
        return [Dialogue(recording="", turns=(turn,) * len(text))]

    poor = format_of(dumps=lambda dialogues: "x" * len(dialogues[0].turns), loads=loads)

    with pytest.raises(AssertionError, match=r"'a': .*turn 2 .*\(1\.0, 2\.5\), .*\(0\.0, 1\.0\)"):
        check_format(poor, [a_talk((0.0, 1.0), (1.0, 2.5))])


def times_of(digits, **more):
    """Return a format of times only, rounded and sorted."""

    def dumps(dialogues):
        turns = [scored.turn for scored in dialogues[0].turns]
        times = sorted(
            (f"{t.start:.{digits}f}", f"{max(t.end, t.start + 0.01):.{digits}f}") for t in turns
        )
        return "".join(f"{start} {end}\n" for start, end in times)

    def loads(text):
        times = [map(float, line.split()) for line in text.splitlines()]
        return [replace(a_talk(*times), recording="")]

    return format_of(dumps=dumps, loads=loads, **more)


def test_times_are_compared_on_the_grid_of_a_format():
    talk = a_talk((2.0, 3.004), (0.0, 1.0), (4.0, 4.0))

    check_format(times_of(2, ticks=100, least=1), [talk])


@pytest.mark.parametrize(
    ("declared", "changed"),
    [
        ({"least": 1}, r"turn 2 .*\(2\.0, 3\.004\), .*\(2\.0, 3\.0\); .*ticks"),
        ({"ticks": 100}, r"turn 3 .*\(4\.0, 4\.0\), .*\(4\.0, 4\.01\)"),
    ],
)
def test_times_that_change_otherwise_are_found(declared, changed):
    talk = a_talk((2.0, 3.004), (0.0, 1.0), (4.0, 4.0))

    with pytest.raises(AssertionError, match=changed):
        check_format(times_of(2, **declared), [talk])


@pytest.mark.parametrize("loads", [None, lambda text: [DIALOGUE]])
def test_an_unknown_field_is_found(loads):
    misspelt = format_of(dumps=lambda d: "text", loads=loads, holds={"speeker", "label"})

    with pytest.raises(AssertionError, match=r"'x' .*'speeker' .*'speaker'"):
        check_format(misspelt, [DIALOGUE])


def test_a_declared_field_that_is_lost_is_found():
    lossy = format_of(
        dumps=lambda d: "text",
        loads=lambda text: [a_talk((0.0, 1.0))],
        holds=frozenset({"recording", "label"}),
    )
    happy = replace(DIALOGUE.turns[0], emotion=Emotion(label="happy"))

    check_format(lossy, [DIALOGUE])
    with pytest.raises(AssertionError, match=r"'x' .*happy.*sad"):
        check_format(lossy, [replace(DIALOGUE, turns=(happy,))])


def test_another_object_than_a_format_is_found():
    with pytest.raises(AssertionError, match="Format, got 'x'"):
        check_format("x", [DIALOGUE])
