"""Withheld labels in annotation files: shown as such, never as an emotion, and read back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from emo2vec_plugins import Dialogue, Emotion, Plugins, Provenance, ScoredTurn, Turn
from emo2vec_plugins.formats.jsonl import dumps, loads

FORMATS = Plugins(installed=False).formats()
WRITTEN = sorted(name for name, each in FORMATS.items() if each.loads and each.dumps)
REASON = "withheld: doubt 0.83 is above 0.60"

EMOTION = Emotion(
    reason=REASON,
    scores={"sad": 0.5, "angry": 0.25, "happy": 0.25},
    logits={"sad": 1.0, "angry": 0.0, "happy": 0.0},
    doubt=0.83,
)
TALK = Dialogue(
    recording="talk",
    turns=(ScoredTurn(turn=Turn(start=1, end=2, speaker="A"), emotion=EMOTION),),
    audio="talk.wav",
    duration=3.0,
)
NAMED = ("elan", "emotion.rttm", "emotionml", "labelstudio", "spkemo.rttm", "textgrid", "webvtt")
"""Formats that show a text for every emotion."""


def test_a_withheld_label_is_told_from_failures_by_its_reason():
    assert EMOTION.withheld
    assert not Emotion(reason="silent").withheld
    assert not Emotion(scores=EMOTION.scores).withheld
    assert not Emotion(label="sad", reason=REASON).withheld  # a person gave the label


@pytest.mark.parametrize("name", WRITTEN)
def test_a_withheld_label_is_never_read_as_an_emotion(name):
    form = FORMATS[name]

    [read] = form.loads(form.dumps([TALK]))

    assert [each.emotion.label for each in read.turns] == [None]
    for field in ("doubt", "scores"):
        if field in form.holds:
            assert getattr(read.turns[0].emotion, field) == getattr(EMOTION, field)


@pytest.mark.parametrize("name", NAMED)
def test_a_withheld_label_is_shown_and_read_back(name):
    form = FORMATS[name]
    text = form.dumps([TALK])

    [read] = form.loads(text)

    assert "withheld" in text
    assert read.turns[0].emotion.withheld


@pytest.mark.parametrize("name", WRITTEN)
def test_formats_with_scores_store_the_doubt(name):
    holds = FORMATS[name].holds

    assert ("scores" in holds) == ("doubt" in holds)


def test_a_line_without_a_doubt_is_as_before():
    line = json.loads(dumps([TALK]))
    without = {name: value for name, value in line.items() if name != "doubt"}

    [read] = loads(json.dumps(without))
    [null] = loads(json.dumps(without | {"doubt": None}))

    assert read.turns[0].emotion.doubt is None
    assert read == null
    assert "doubt" not in json.loads(dumps([read]))


@pytest.mark.parametrize("name", WRITTEN)
def test_formats_with_the_model_store_how_far_it_can_be_trusted(name):
    form = FORMATS[name]
    emotion = replace(TALK.turns[0].emotion, provenance=Provenance(model="m", trust="for <calls>"))
    turns = (replace(TALK.turns[0], emotion=emotion),)

    [read] = form.loads(form.dumps([replace(TALK, turns=turns)]))

    provenance = read.turns[0].emotion.provenance
    assert (provenance is not None and provenance.trust == "for <calls>") == (
        "provenance" in form.holds
    )


def test_tables_always_have_a_column_for_the_doubt():
    bare = Dialogue(
        recording="talk", turns=(ScoredTurn(turn=TALK.turns[0].turn, emotion=Emotion()),)
    )

    for name, column in (("table.csv", "doubt"), ("audformat", "emotion_doubt")):
        form = FORMATS[name]
        text = form.dumps([bare])
        header, row = text.splitlines()
        place = header.split(",").index(column)
        names, cells = header.split(","), row.split(",")
        old = (
            ",".join(names[:place] + names[place + 1 :]),
            ",".join(cells[:place] + cells[place + 1 :]),
        )
        assert form.loads(text) == form.loads("\n".join(old))
