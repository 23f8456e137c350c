"""One property of all formats: the fields a format declares survive a round trip."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from support.formats import hard, ordinary

from emo2vec_plugins import Dialogue, Plugins, ScoredTurn, Turn
from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.values import Emotion
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.fidelity import FIELDS, held, lost, only, verify
from emo2vec_plugins.formats.jsonl import EMOTIONS_JSONL
from emo2vec_plugins.testing import check_format

FORMATS = list(Plugins(installed=False).formats().values())
every_format = pytest.mark.parametrize("format_", FORMATS, ids=lambda each: each.name)


def a_turn(start=0.0, end=1.0, speaker="A", label="sad", **more):
    return ScoredTurn(
        turn=Turn(start=start, end=end, speaker=speaker), emotion=Emotion(label=label, **more)
    )


@every_format
def test_built_in_formats_read_write_and_declare_their_fields(format_):
    assert format_.loads
    assert format_.dumps
    assert format_.holds is not None
    assert format_.holds <= FIELDS.keys()


@every_format
@settings(max_examples=40)
@given(dialogues=ordinary)
def test_diarization_results_survive_a_round_trip(format_, dialogues):
    check_format(format_, dialogues)


@every_format
@settings(max_examples=40)
@given(dialogues=hard)
def test_any_dialogue_survives_a_round_trip_or_is_an_error(format_, dialogues):
    try:
        format_.dumps(dialogues)
    except FormatError as error:
        assert str(error)  # noqa: PT017 - raising is optional
    else:
        check_format(format_, dialogues)


@every_format
def test_several_recordings_survive_or_are_an_error(format_):
    both = [Dialogue(recording=name, turns=(a_turn(),)) for name in ("a", "b")]

    if "several" in format_.holds:
        check_format(format_, both)
    else:
        with pytest.raises(FormatError, match="one recording"):
            format_.dumps(both)


@every_format
def test_turns_of_one_speaker_may_overlap(format_):
    turns = (a_turn(0.0, 2.0), a_turn(0.0, 2.0, label="happy"), a_turn(1.0, 3.0), a_turn(1.5, 1.6))

    check_format(format_, [Dialogue(recording="x", turns=turns)])


@every_format
def test_a_turn_before_the_recording_survives_or_is_an_error(format_):
    early = [Dialogue(recording="x", turns=(a_turn(-0.5, 1.0),))]

    try:
        format_.dumps(early)
    except FormatError as error:
        assert "-0.5" in str(error)  # noqa: PT017 - raising is optional
    else:
        check_format(format_, early)


@every_format
def test_a_turn_beyond_the_end_of_the_recording_survives(format_):
    late = Dialogue(recording="x", turns=(a_turn(9.0, 12.0),), audio="x.wav", duration=10.0)

    check_format(format_, [late])


MILLISECONDS = Format(
    name="ms",
    suffixes=(".ms",),
    description="",
    dumps=str,
    holds=frozenset({"speaker", "label", "score"}),
    ticks=1000,
    least=1,
)


def test_held_rounds_sorts_and_drops_undeclared_fields():
    first = a_turn(2.00049, 2.00049, speaker=None)
    talk = Dialogue(
        recording="x",
        turns=(first, a_turn(0.0, 1.0, score=0.5, flags=("short",))),
        audio="x.wav",
        duration=3.0,
    )

    assert held([talk], MILLISECONDS) == [
        Dialogue(
            recording="",
            turns=(a_turn(0.0, 1000.0, score=0.5), a_turn(2000.0, 2001.0, speaker=None)),
        )
    ]


def test_only_fields_that_dialogues_have_are_lost():
    talk = Dialogue(
        recording="x", turns=(a_turn(scores={"sad": 1.0}, flags=("short",)),), audio="x.wav"
    )

    assert lost([talk], MILLISECONDS) == ["recording", "audio", "scores", "flags"]
    assert lost([talk], EMOTIONS_JSONL) == []
    assert lost([replace(talk, audio=None), talk], MILLISECONDS)[0] == "several"


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ((), "1 recording.* 0"),
        ((a_turn(label="angry"),), "label=.sad.*label=.angry"),
        ((a_turn(score=0.4),), "score=0.5.*score=0.4"),
        ((a_turn(0.002, score=0.5),), r"start=0.0.*start=2.0"),
    ],
)
def test_a_format_that_loses_a_declared_field_is_an_error(turns, message):
    written = [Dialogue(recording="", turns=(a_turn(score=0.5),))]

    verify(written, written, MILLISECONDS)
    with pytest.raises(FormatError, match=message):
        verify(written, [Dialogue(recording="", turns=turns)], MILLISECONDS)


def test_several_recordings_are_an_error_where_one_is_expected():
    talk = Dialogue(recording="x")

    assert only([talk], "a TextGrid") is talk
    with pytest.raises(FormatError, match=r"a TextGrid .*one recording.* 2 .*'x', 'x'"):
        only([talk, talk], "a TextGrid")
    with pytest.raises(FormatError, match=r"a TextGrid .*one recording.* 0;"):
        only([], "a TextGrid")
