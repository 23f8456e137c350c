"""A person's edits survive the way from one tool's file to another's; what is dropped is named."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import pympi
import pytest

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.errors import Emo2vecWarning
from emo2vec_plugins.formats import FIELDS, digest_of, lost
from emo2vec_plugins.formats.files import read_dialogues, write_dialogues

PLUGINS = Plugins(installed=False)
FORMATS = {
    name: each
    for name, each in PLUGINS.formats().items()
    if each.loads and each.dumps and each.holds and {"label", "speaker"} <= each.holds
}


def a_turn(start, end, speaker, label, **more):
    return ScoredTurn(
        turn=Turn(start=start, end=end, speaker=speaker), emotion=Emotion(label=label, **more)
    )


MODEL = Dialogue(
    recording="talk",
    turns=(
        a_turn(0.5, 1.25, "A", "angry"),
        a_turn(2.0, 3.0, "A", "sad"),
        a_turn(4, 5, "B", "happy"),
    ),
    audio="talk.wav",
    duration=6.0,
)
EDITED = (
    a_turn(0.4, 1.25, "A", "angry", reviewed=True),
    a_turn(2.0, 3.0, "A", "bored"),
    a_turn(4, 5, "Bea", "happy"),
    a_turn(5.25, 5.75, "Bea", "neutral"),
)
"""The turns after corrections."""


@pytest.fixture
def corrected(tmp_path):
    """Return an ELAN document after the corrections, saved by another program than ours."""
    path = tmp_path / "talk.eaf"
    exported = replace(MODEL, exported=digest_of(MODEL))
    write_dialogues([exported], path, plugins=PLUGINS)
    document = pympi.Eaf(str(path))
    turns, emotions = document.tiers["A"][0], document.tiers["emotion@A"][1]
    first, second = turns
    document.timeslots[turns[first][0]] = 400
    [sad] = [name for name, each in emotions.items() if each[0] == second]
    emotions[sad] = (second, "bored", *emotions[sad][2:])
    document.add_ref_annotation("reviewed@A", "A", 800, "yes")
    for name in ("B", "emotion@B", "reviewed@B"):
        document.tiers[name][2]["PARTICIPANT"] = "Bea"
    document.add_annotation("B", 5250, 5750)
    document.add_ref_annotation("emotion@B", "B", 5500, "neutral")
    document.add_tier("notes", ling="turns", parent="A")
    document.add_ref_annotation("notes", "A", 800, "is this ironic?")
    path.unlink()
    document.to_file(str(path))
    return path


def read(path):
    with pytest.warns(Emo2vecWarning, match="'notes'"):
        [found] = read_dialogues(path, plugins=PLUGINS)
    return found


def core(scored):
    turn = scored.turn
    return round(turn.start, 3), round(turn.end, 3), turn.speaker, scored.emotion.label


def test_corrections_saved_by_another_program_are_read(corrected):
    found = read(corrected)

    assert found.turns == EDITED
    assert found.exported == digest_of(MODEL)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_corrections_survive_in_every_format(tmp_path, corrected, name):
    format_, path = FORMATS[name], tmp_path / f"talk{FORMATS[name].suffixes[0]}"
    found = read(corrected)
    if path == corrected:
        path = tmp_path / "again.eaf"

    write_dialogues([found], path, plugins=PLUGINS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [again] = read_dialogues(path, plugins=PLUGINS)

    assert sorted(map(core, again.turns)) == sorted(map(core, EDITED))
    marks = [scored.emotion.reviewed for scored in again.turns]
    assert marks.count(True) == ("reviewed" in format_.holds)
    assert ("reviewed" in lost([found], format_)) == ("reviewed" not in format_.holds)


def test_an_exported_file_stays_one_in_the_formats_for_annotators(tmp_path, corrected):
    found = read(corrected)

    for suffix in (".eaf", ".labelstudio.json"):
        path = tmp_path / f"copy{suffix}"
        write_dialogues([found], path, plugins=PLUGINS)
        [again] = read_dialogues(path, plugins=PLUGINS)
        assert again.exported == digest_of(MODEL)


def test_notes_to_regions_in_label_studio_are_named(tmp_path):
    region = {
        "id": "r1",
        "type": "labels",
        "value": {"start": 0, "end": 1, "labels": ["A"]},
        "meta": {"text": ["is this ironic?"], "flags": ["short"]},
    }
    task = {"data": {"recording": "talk"}, "annotations": [{"result": [region]}]}
    path = tmp_path / "export.labelstudio.json"
    path.write_text(json.dumps([task]))

    with pytest.warns(Emo2vecWarning, match=r"notes of 1 region.*ironic"):
        read_dialogues(path, plugins=PLUGINS)


def test_marks_that_are_neither_yes_nor_no_are_named(tmp_path, corrected):
    text = corrected.read_text("utf-8")
    assert text.count(">yes<") == 2  # the mark, and the entry of the vocabulary
    corrected.write_text(text.replace(">yes<", ">maybe<"), "utf-8")

    with pytest.warns(Emo2vecWarning) as warned:
        [found] = read_dialogues(corrected, plugins=PLUGINS)

    assert any(
        "'reviewed@A'" in str(each.message) and "'maybe'" in str(each.message) for each in warned
    )
    assert not any(scored.emotion.reviewed for scored in found.turns)


def test_the_marks_are_a_field_of_formats():
    assert "reviewed" in FIELDS
