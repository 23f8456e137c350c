"""Annotate the objects of your own toolkit through a hook.

    python examples/custom_toolkit.py

``Call`` and ``Utterance`` stand for the classes of your toolkit. The plugin is an object that is
passed in; ``examples/plugin_srt`` is an installed plugin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from emo2vec_plugins import (
    Engine,
    Options,
    Plugins,
    Recording,
    Turn,
    annotate,
    hookimpl,
    load_model,
)
from emo2vec_plugins.formats import read_rttm
from emo2vec_plugins.integrations import RecordingSession
from emo2vec_plugins.testing import FakeBackend, check_session, sample_conversation


@dataclass(frozen=True)
class Utterance:
    """One utterance: its times, its speaker and the speaker's mood."""

    begin_ms: int
    end_ms: int
    who: str
    mood: str | None = None


@dataclass(frozen=True)
class Call:
    """One telephone call."""

    wav: str
    utterances: tuple[Utterance, ...]


class CallSession(RecordingSession):
    """The session of one call; the call itself is not changed."""

    def __init__(self, call: Call, options: Options) -> None:
        self._call = call
        turns = [
            Turn(start=u.begin_ms / 1000, end=u.end_ms / 1000, speaker=u.who)
            for u in call.utterances
        ]
        super().__init__("", call.wav, turns, options)

    def finish(self) -> Call:
        """Return a copy of the call with moods."""
        pairs = zip(self._call.utterances, self.emotions().values(), strict=True)
        return replace(self._call, utterances=tuple(replace(u, mood=e.label) for u, e in pairs))


class CallPlugin:
    """Opens `Call` objects and leaves all others to the next plugin."""

    @hookimpl
    def emo2vec_open(self, source: Any, options: Options) -> CallSession | None:
        """Return a session for a `Call`."""
        return CallSession(source, options) if isinstance(source, Call) else None


def sample_call() -> Call:
    audio, rttm = sample_conversation()
    [recording] = read_rttm(rttm)
    return Call(
        wav=str(audio),
        utterances=tuple(
            Utterance(round(t.start * 1000), round(t.end * 1000), t.speaker or "?")
            for t in recording.turns
        ),
    )


def main() -> None:
    plugins = Plugins([CallPlugin()])
    engine = Engine(load_model("tiny", plugins=plugins))

    # One stream: calls and other sources together. Their turns share batches.
    sources = [sample_call(), Recording(recording="whole", audio=sample_call().wav)]
    call, whole = annotate(sources, score=engine, plugins=plugins)
    for utterance in call.utterances:
        print(utterance)
    print(f"the recording as one turn: {whole.turns[0].emotion.label}")

    # Hooks can also be called directly: each has a typed method, and all are available in pluggy.
    print("\nformats:", ", ".join(sorted(plugins.formats())))
    print("models:", ", ".join(sorted(plugins.models())))
    print("called first:", plugins.describe()[0])
    session = plugins.open(sample_call(), Options(overlap="exclude"))
    assert all(clip.alone for clip in session.clips())
    opened = plugins.manager.hook.emo2vec_open(source=sample_call(), options=Options())
    assert isinstance(opened, CallSession)

    # In the tests of your toolkit: no weights, and milliseconds.
    annotated = check_session(CallSession(sample_call(), Options()))
    assert {u.mood for u in annotated.utterances} == {"neutral"}
    [scored] = annotate([sample_call()], score=Engine(FakeBackend()), plugins=plugins)
    assert all(u.mood for u in scored.utterances)


if __name__ == "__main__":
    main()
