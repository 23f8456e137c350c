"""Reading of TextGrids: with corrections, from other tools, and damaged."""

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

pytestmark = pytest.mark.filterwarnings("ignore:.*text of:emo2vec_plugins.errors.Emo2vecWarning")

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
        SHORT.replace("\n", "\r\n"),
        SHORT.replace("\n", "\r"),
        SHORT.replace('"ooTextFile"\nObject class = ', '"ooTextFile short"\n'),
        SHORT.replace("\n", "   \n\n"),
        SHORT.replace("0\n1.5\n", "-0\n1.5e0\n").replace("\n1.5\n3\n", "\n! it is 1.6\n1.5 3\n"),
        SHORT.replace("0\n3\n", "xmin=0\nxmax=3\n").replace('"IntervalTier"', "item[1]:class= \\g"),
    ],
)
def test_text_between_values_is_ignored(text):
    assert loads(text.replace("\\g", '"IntervalTier"')) == [A]


def test_utf_16_is_read_as_praat_writes_it(tmp_path):
    path = tmp_path / "talk.TextGrid"
    path.write_bytes(b"\xfe\xff" + SHORT.replace('"A"', '"مريم"').encode("utf-16-be"))

    [talk] = read_dialogues(path, plugins=PLUGINS)

    assert talk.recording == "talk"
    assert talk.turns == (a_turn(0.0, 1.5, "مريم", None),)


def test_long_and_short_files_are_read_by_either_format(tmp_path):
    (tmp_path / "a.TextGrid").write_text(SHORT, "utf-8")
    (tmp_path / "b.short.TextGrid").write_text(dumps([TALK]), "utf-8")

    [a] = read_dialogues(tmp_path / "a.TextGrid", plugins=PLUGINS)
    [b] = read_dialogues(tmp_path / "b.short.TextGrid", plugins=PLUGINS)

    assert (a.recording, len(a.turns)) == ("a", 1)
    assert (b.recording, len(b.turns)) == ("b", 2)


def test_a_corrected_emotion_is_read():
    text = dumps([TALK]).replace('"angry"', '" happy\n"').replace('"unscored"', '""')

    assert [scored.emotion for scored in loads(text)[0].turns] == [
        Emotion(label="happy"),
        Emotion(),
    ]


def test_point_tiers_are_dropped_with_a_warning():
    points = '"TextTier"\n"clicks"\n0\n3\n1\n0.5\n"click"\n'

    with pytest.warns(Emo2vecWarning, match=r"point tiers.*: 'clicks'$"):
        assert loads(SHORT.replace("<exists>\n1", "<exists>\n2") + points) == [A]


def test_a_textgrid_without_tiers_has_no_turns():
    text = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 2\ntiers? '

    assert loads(text + "<absent>") == [Dialogue(recording="", duration=2.0)]
    assert loads(text + "<exists>\nsize = 0\n") == [Dialogue(recording="", duration=2.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'line 1: .*File type = "ooTextFile"'),
        ("SPEAKER talk 1 0.0 1.0", "line 1: .*ooTextFile.* 1$"),
        ('{"start": 0, "end": 1}', "line 1: .*ooTextFile.*start"),
        ('"Praat chronological TextGrid text file"\n', "ooTextFile.*chronological"),
        (SHORT.replace("TextGrid", "PitchTier"), "line 2: .*Object class.*PitchTier"),
        (SHORT.replace("\n0\n", "\nzero\n", 1), "line 6: .*end of the TextGrid.*number"),
        (SHORT.replace("\n0\n", "\n0x\n", 1), "line 4: .*number.*beginning.*'0x'"),
        (SHORT.replace("<exists>", "<maybe>"), "line 6: .*<exists>.*<maybe>"),
        (SHORT.replace("\n1\n", "\n-1\n", 1), "line 7: .*whole number.*tiers.*-1"),
        (SHORT.replace("\n1\n", "\n1e999\n", 1), "line 7: .*number of tiers.*1e999"),
        (SHORT.replace("IntervalTier", "SpaceTier"), "line 8: .*IntervalTier.*SpaceTier"),
        (SHORT.replace('"A"', "A"), "line 10: .*name of a tier.* 0$"),
        (SHORT.replace("\n1.5\n", "\n-1.5\n", 1), "line 14: .*interval.*-1.5"),
        (SHORT.replace("\n2\n0\n", "\n3\n0\n"), "line 19: .*beginning of an interval.*truncated"),
        (SHORT.replace("\n2\n0\n", "\n1\n0\n"), "line 17: .*end of the file.*1.5"),
        (SHORT[:-20], "line 15: .*quotation mark.*truncated"),
        (SHORT.replace('more"', "more"), "line 19: .*quotation mark"),
    ],
)
def test_a_malformed_textgrid_is_named_with_its_line(text, message):
    with pytest.raises(FormatError, match=message):
        loads(text)


@pytest.mark.parametrize("end", range(0, len(SHORT) - 3, 7))
def test_a_truncated_file_is_an_error(end):
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
def test_any_values_are_read_or_a_format_error(found, more):
    try:
        loads("\n".join(['"ooTextFile" "TextGrid" 0 3 <exists> 1', *found, more]))
    except FormatError as error:
        assert str(error)  # noqa: PT017 - raising is optional


def test_an_unclosed_text_is_named_with_its_first_line():
    with pytest.raises(FormatError, match=r"line 15: .*quotation mark"):
        loads(SHORT[: SHORT.index("and more")])


def test_negative_times_are_read():
    text = SHORT.replace("\n0\n", "\n-1\n")

    assert loads(text)[0].turns == (a_turn(-1.0, 1.5, "A", None),)


@pytest.mark.parametrize("name", ["michaelandsickmichael", "michaelandsickmichael_short_tg"])
def test_textgrids_of_aligners_have_one_tier_per_speaker(shared, name):
    [talk] = read_dialogues(shared / "conversations" / f"{name}.TextGrid", plugins=PLUGINS)

    assert talk.duration == 52.44082780612245
    assert len(talk.turns) == 7
    assert talk.turns[0].turn == Turn(
        start=1.059222833923831, end=7.541483952089169, speaker="michael"
    )
    assert {scored.turn.speaker for scored in talk.turns} == {"michael", "sickmichael"}


@pytest.mark.filterwarnings("ignore:.*point tiers:emo2vec_plugins.errors.Emo2vecWarning")
def test_sample_files_are_read_as_praatio_reads_them(shared):
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


def test_texts_of_turns_are_dropped_with_a_warning():
    with pytest.warns(Emo2vecWarning, match=r"text of 1 turn,.*'hello,"):
        loads(SHORT)
