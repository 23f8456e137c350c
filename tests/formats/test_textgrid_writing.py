"""Writing of TextGrids: identical to Praat's, and readable by praatio."""

from __future__ import annotations

import pytest
from praatio import textgrid
from praatio.utilities.textgrid_io import parseTextgridStr
from support.textgrid import PLUGINS, TALK, a_turn

from emo2vec_plugins import Dialogue
from emo2vec_plugins.formats.files import write_dialogues
from emo2vec_plugins.formats.textgrid import SHORT_TEXTGRID, TEXTGRID, dumps, loads
from emo2vec_plugins.testing import check_format

LONG = """\
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 3
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "the ""boss""\"
        xmin = 0
        xmax = 3
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "the ""boss""\"
        intervals [3]:
            xmin = 1.25
            xmax = 2
            text = "the ""boss""\"
        intervals [4]:
            xmin = 2
            xmax = 3
            text = ""
    item [2]:
        class = "IntervalTier"
        name = "emotion@the ""boss""\"
        xmin = 0
        xmax = 3
        intervals: size = 4
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "angry"
        intervals [3]:
            xmin = 1.25
            xmax = 2
            text = "unscored"
        intervals [4]:
            xmin = 2
            xmax = 3
            text = ""
"""


def test_the_long_format_is_identical_to_praats():
    text = dumps([TALK])

    assert [line.rstrip() for line in text.split("\n")] == LONG.split("\n")
    assert "xmax = 1.25 \n" in text  # Praat ends lines with a space


def test_the_short_format_has_the_same_values():
    text = dumps([TALK], short=True)

    assert text.startswith(
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n3\n<exists>\n2\n'
        '"IntervalTier"\n"the ""boss"""\n0\n3\n4\n0\n0.5\n""\n0.5\n1.25\n"the ""boss"""\n'
    )
    assert loads(text) == loads(dumps([TALK]))


def test_speakers_and_emotions_are_read_back():
    assert loads(dumps([TALK])) == [
        Dialogue(
            recording="",
            turns=(
                a_turn(0.5, 1.25, 'the "boss"', "angry"),
                a_turn(1.25, 2.0, 'the "boss"', None),
            ),
            duration=3.0,
        )
    ]


@pytest.mark.parametrize("short", [False, True])
def test_praatio_reads_what_is_written(tmp_path, short):
    path = tmp_path / ("talk.short.TextGrid" if short else "talk.TextGrid")
    turns = (
        *(a_turn(0.1, 0.7), a_turn(0.7, 1.2), a_turn(0.5, 0.9, "MÉO069")),
        *(a_turn(0.6, 0.8, label="happy"), a_turn(2.0000004, 2.0000005, None, None)),
    )
    talk = Dialogue(recording="talk", turns=turns)

    write_dialogues([talk], path, plugins=PLUGINS)
    read = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)

    assert {tier.name: [tuple(entry) for entry in tier.entries] for tier in read.tiers} == {
        "A": [(0.1, 0.7, "A"), (0.7, 1.2, "A")],
        "emotion@A": [(0.1, 0.7, "sad"), (0.7, 1.2, "sad")],
        "A#2": [(0.6, 0.8, "A")],
        "emotion@A#2": [(0.6, 0.8, "happy")],
        "MÉO069": [(0.5, 0.9, "MÉO069")],
        "emotion@MÉO069": [(0.5, 0.9, "sad")],
        "?": [(2.0, 2.001, "?")],
        "emotion@?": [(2.0, 2.001, "unscored")],
    }
    assert read.maxTimestamp == 2.001


def test_intervals_cover_the_recording_without_gaps():
    talk = Dialogue(recording="x", turns=(a_turn(1.1, 2.3), a_turn(2.3, 2.5)), duration=9.0)

    for tier in parseTextgridStr(dumps([talk]), includeEmptyIntervals=True)["tiers"]:
        times = [(float(start), float(end)) for start, end, _ in tier["entries"]]
        assert times == [(0.0, 1.1), (1.1, 2.3), (2.3, 2.5), (2.5, 9.0)]


@pytest.mark.parametrize(
    ("turns", "duration", "end"),
    [
        ((a_turn(1, 2),), 1.5, 2.0),
        ((a_turn(1, 2),), None, 2.0),
        ((), 4.0, 4.0),
        ((), None, 1.0),
    ],
)
def test_it_covers_the_recording_and_all_turns(turns, duration, end):
    text = dumps([Dialogue(recording="x", turns=turns, duration=duration)])

    assert loads(text)[0].duration == end


def test_a_recording_without_turns_has_tiers_to_annotate():
    text = dumps([Dialogue(recording="x", duration=2.0)])

    assert [tier["name"] for tier in parseTextgridStr(text)["tiers"]] == ["?", "emotion@?"]
    assert loads(text) == [Dialogue(recording="", duration=2.0)]


@pytest.mark.parametrize("kind", [TEXTGRID, SHORT_TEXTGRID], ids=lambda each: each.name)
def test_thousands_of_speakers_and_overlapping_turns_are_stored(kind):
    many = [a_turn(i, i + 1.5, f"S{i}") for i in range(2000)]
    deep = [a_turn(i / 1000, 9000.0) for i in range(2000)]

    check_format(kind, [Dialogue(recording="x", turns=(*many, *deep))])
