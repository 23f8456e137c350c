"""Praat's TextGrids, read: corrected, written by others, and spoilt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from praatio import textgrid
from support.textgrid import PLUGINS, TALK, a_turn

from emo2vec_plugins import Dialogue, Emotion, Turn
from emo2vec_plugins.errors import Emo2vecWarning, FormatError
from emo2vec_plugins.formats.files import read_dialogues
from emo2vec_plugins.formats.textgrid import dumps, loads

pytestmark = pytest.mark.filterwarnings("ignore:texts of turns are left out")

SHORT = """\
File type = "ooTextFile"
Object class = "TextGrid"

0
3
<exists>
1
"IntervalTier"
"A"
0
3
2
0
1.5
"hello, item [1]: ""class"" = 7
and more"
1.5
3
""
"""


A = Dialogue(recording="", turns=(a_turn(0.0, 1.5, "A", None),), duration=3.0)


@pytest.mark.parametrize(
    "text",
    [
        SHORT,
        "\ufeff" + SHORT,
        SHORT.replace("\n", "\r\n"),
        SHORT.replace("\n", "\r"),
        SHORT.replace('"ooTextFile"\nObject class = ', '"ooTextFile short"\n'),
        SHORT.replace("\n", "   \n\n"),
        SHORT.replace("0\n1.5\n", "-0\n1.5e0\n").replace("\n1.5\n3\n", "\n! it is 1.6\n1.5 3\n"),
        SHORT.replace("0\n3\n", "xmin=0\nxmax=3\n").replace('"IntervalTier"', "item[1]:class= \\g"),
    ],
)
def test_values_are_read_whatever_stands_between_them(text):
    assert loads(text.replace("\\g", '"IntervalTier"')) == [A]


def test_utf_16_is_read_as_praat_writes_it(tmp_path):
    path = tmp_path / "talk.TextGrid"
    path.write_bytes(b"\xfe\xff" + SHORT.replace('"A"', '"مريم"').encode("utf-16-be"))

    [talk] = read_dialogues(path, plugins=PLUGINS)

    assert talk.recording == "talk"
    assert talk.turns == (a_turn(0.0, 1.5, "مريم", None),)


def test_either_format_is_read_as_either(tmp_path):
    (tmp_path / "a.TextGrid").write_text(SHORT, "utf-8")
    (tmp_path / "b.short.TextGrid").write_text(dumps([TALK]), "utf-8")

    [a] = read_dialogues(tmp_path / "a.TextGrid", plugins=PLUGINS)
    [b] = read_dialogues(tmp_path / "b.short.TextGrid", plugins=PLUGINS)

    assert (a.recording, len(a.turns)) == ("a", 1)
    assert (b.recording, len(b.turns)) == ("b", 2)


def test_an_emotion_that_an_annotator_corrected_is_read():
    text = dumps([TALK]).replace('"angry"', '" happy\n"').replace('"unscored"', '""')

    assert [scored.emotion for scored in loads(text)[0].turns] == [
        Emotion(label="happy"),
        Emotion(),
    ]


def test_point_tiers_are_left_out_and_told_of():
    points = '"TextTier"\n"clicks"\n0\n3\n1\n0.5\n"click"\n'

    with pytest.warns(Emo2vecWarning, match="point tiers have no turns and are left out: 'clicks'"):
        assert loads(SHORT.replace("<exists>\n1", "<exists>\n2") + points) == [A]


def test_a_textgrid_without_tiers_has_no_turns():
    text = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 2\ntiers? '

    assert loads(text + "<absent>") == [Dialogue(recording="", duration=2.0)]
    assert loads(text + "<exists>\nsize = 0\n") == [Dialogue(recording="", duration=2.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'line 1: expected a TextGrid in text, which begins with File type = "ooTextFile"'),
        ("SPEAKER talk 1 0.0 1.0", "line 1: expected a TextGrid in text.*, found 1$"),
        ('{"start": 0, "end": 1}', "line 1: expected a TextGrid in text"),
        (
            '"Praat chronological TextGrid text file"\n',
            "expected a TextGrid in text.*chronological",
        ),
        (SHORT.replace("TextGrid", "PitchTier"), "line 2: expected Object class = .*PitchTier"),
        (
            SHORT.replace("\n0\n", "\nzero\n", 1),
            "line 6: expected the end of the TextGrid, a number",
        ),
        (SHORT.replace("\n0\n", "\n0x\n", 1), "line 4: expected a number as the beginning.*'0x'"),
        (SHORT.replace("<exists>", "<maybe>"), "line 6: expected <exists> or <absent>.*<maybe>"),
        (SHORT.replace("\n1\n", "\n-1\n", 1), "line 7: expected a whole number as the number of"),
        (
            SHORT.replace("\n1\n", "\n1e999\n", 1),
            "line 7: expected a number as the number of tiers",
        ),
        (SHORT.replace("IntervalTier", "SpaceTier"), "line 8: expected the class of a tier"),
        (SHORT.replace('"A"', "A"), "line 10: expected the name of a tier, a text.*, found 0"),
        (SHORT.replace("\n1.5\n", "\n-1.5\n", 1), "line 14: expected an interval to end after it"),
        (SHORT.replace("\n2\n0\n", "\n3\n0\n"), "line 19: expected the beginning.*cut short"),
        (SHORT.replace("\n2\n0\n", "\n1\n0\n"), "line 17: expected the end of the file.*1.5"),
        (SHORT[:-20], "line 16: expected the text of an interval|cut short"),
        (SHORT.replace('more"', "more"), "line 19: expected a quotation mark"),
    ],
)
def test_what_is_no_textgrid_is_refused_with_its_line(text, message):
    with pytest.raises(FormatError, match=message):
        loads(text)


@pytest.mark.parametrize("end", range(0, len(SHORT) - 3, 7))
def test_a_file_that_was_cut_short_is_refused(end):
    with pytest.raises(FormatError):
        loads(SHORT[:end])


values = st.sampled_from(
    [
        "0",
        "1",
        "2",
        "1.5",
        "-1",
        "nan",
        "<exists>",
        "<absent>",
        '"IntervalTier"',
        '"TextTier"',
        '"A"',
    ]
)


@pytest.mark.filterwarnings("ignore::emo2vec_plugins.errors.Emo2vecWarning")
@given(found=st.lists(values, max_size=20), more=st.sampled_from(["", '"', "!"]))
def test_any_values_are_read_or_refused_in_words(found, more):
    try:
        loads("\n".join(['"ooTextFile" "TextGrid" 0 3 <exists> 1', *found, more]))
    except FormatError as error:
        assert str(error)  # noqa: PT017 - it may not raise, too


def test_a_text_that_does_not_end_says_where_it_begins():
    with pytest.raises(FormatError, match=r"line 15: .*a quotation mark that ends"):
        loads(SHORT[: SHORT.index("and more")])


def test_times_before_the_beginning_are_read():
    text = SHORT.replace("\n0\n", "\n-1\n")

    assert loads(text)[0].turns == (a_turn(-1.0, 1.5, "A", None),)


@pytest.mark.parametrize("name", ["michaelandsickmichael", "michaelandsickmichael_short_tg"])
def test_a_tier_a_speaker_is_read_from_the_files_of_aligners(shared, name):
    [talk] = read_dialogues(shared / "conversations" / f"{name}.TextGrid", plugins=PLUGINS)

    assert talk.duration == 52.44082780612245
    assert len(talk.turns) == 7
    assert talk.turns[0].turn == Turn(
        start=1.059222833923831, end=7.541483952089169, speaker="michael"
    )
    assert {scored.turn.speaker for scored in talk.turns} == {"michael", "sickmichael"}


@pytest.mark.filterwarnings("ignore:point tiers:emo2vec_plugins.errors.Emo2vecWarning")
def test_praatios_own_files_are_read_as_praatio_reads_them(shared):
    paths = sorted((shared / "format_samples" / "praatio").rglob("*.TextGrid"))
    assert len(paths) > 20

    for path in paths:
        [talk] = read_dialogues(path, plugins=PLUGINS)
        read = textgrid.openTextgrid(
            str(path),
            includeEmptyIntervals=False,
            duplicateNamesMode="rename",
            reportingMode="silence",
        )
        expected = [
            (start, end)
            for tier in read.tiers
            if isinstance(tier, textgrid.IntervalTier)
            for start, end, _ in tier.entries
        ]
        found = [(scored.turn.start, scored.turn.end) for scored in talk.turns]
        assert found == sorted(expected), path


def test_texts_of_turns_are_told_of():
    with pytest.warns(Emo2vecWarning, match="turns are left out, 1 of them; the first is 'hello,"):
        loads(SHORT)
