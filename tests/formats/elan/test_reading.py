"""Reading of ELAN's documents: with corrections, of other origin, and damaged."""

from __future__ import annotations

from xml.etree import ElementTree

import pympi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.elan import PLUGINS, TALK, a_turn, media_of

from emo2vec_plugins import Dialogue, Emotion
from emo2vec_plugins.errors import Emo2vecWarning, FormatError
from emo2vec_plugins.formats.elan.writing import ELAN, dumps, loads
from emo2vec_plugins.formats.files import read_dialogues
from emo2vec_plugins.testing import check_format

pytestmark = pytest.mark.filterwarnings("ignore:.*text of:emo2vec_plugins.errors.Emo2vecWarning")

OTHERS = """\
<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2020-01-01T00:00:00Z" FORMAT="3.0" VERSION="3.0">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        <MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/films/a film.mp4" MIME_TYPE="video/mp4"/>
        <MEDIA_DESCRIPTOR MEDIA_URL="file:///home/me/a talk.wav" MIME_TYPE="audio/x-wav"/>
    </HEADER>
    <TIME_ORDER>
        <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="0"/>
        <TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1000"/>
        <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="2000"/>
        <TIME_SLOT TIME_SLOT_ID="ts4"/>
    </TIME_ORDER>
    <TIER LINGUISTIC_TYPE_REF="text" TIER_ID="K-Spch" PARTICIPANT="Kim">
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
                <ANNOTATION_VALUE>so you go out</ANNOTATION_VALUE>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
                <ANNOTATION_VALUE></ANNOTATION_VALUE>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="mood" PARENT_REF="K-Spch" TIER_ID="emotion@K">
        <ANNOTATION>
            <REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a2">
                <ANNOTATION_VALUE> happy
                </ANNOTATION_VALUE>
            </REF_ANNOTATION>
        </ANNOTATION>
        <ANNOTATION>
            <REF_ANNOTATION ANNOTATION_ID="a4" ANNOTATION_REF="a1">
                <ANNOTATION_VALUE></ANNOTATION_VALUE>
            </REF_ANNOTATION>
        </ANNOTATION>
    </TIER>
</ANNOTATION_DOCUMENT>
"""


KIM = Dialogue(
    recording="",
    turns=(a_turn(0.0, 1.0, "Kim", None), a_turn(1.0, 2.0, "Kim", "happy")),
    audio="/home/me/a talk.wav",
)


WORDS = """
    <TIER LINGUISTIC_TYPE_REF="words" PARENT_REF="K-Spch" TIER_ID="words">
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a9" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts4">
                <ANNOTATION_VALUE>so</ANNOTATION_VALUE>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="words" PARENT_REF="words" TIER_ID="glosses"/>
"""


def with_tier(tier):
    return OTHERS.replace("</ANNOTATION_DOCUMENT>", tier + "</ANNOTATION_DOCUMENT>")


@pytest.mark.parametrize(
    ("url", "audio"),
    [
        ("file:///elsewhere/talk.wav", "talk.wav"),
        ("file:///elsewhere/other.wav", "/elsewhere/other.wav"),
        ("file:///D:/other.wav", "D:/other.wav"),
        ("file://host/share/other.wav", "//host/share/other.wav"),
    ],
)
def test_newly_linked_audio_is_used(url, audio):
    here = dumps([Dialogue(recording="x", audio="talk.wav")])
    [(old, _, _)] = media_of("talk.wav")

    assert loads(here.replace(old, url))[0].audio == audio


def test_participants_and_audio_are_read(tmp_path):
    path = tmp_path / "kim.eaf"
    path.write_text(OTHERS, "utf-8")

    assert loads(OTHERS) == [KIM]
    assert read_dialogues(path, plugins=PLUGINS)[0].recording == "kim"


@pytest.mark.parametrize("text", ["\ufeff" + OTHERS, OTHERS.replace("\n", "\r\n")])
def test_a_byte_order_mark_and_windows_line_ends_are_read(text):
    assert loads(text) == [KIM]


def test_utf_16_is_read(tmp_path):
    path = tmp_path / "kim.eaf"
    path.write_bytes(OTHERS.replace("UTF-8", "UTF-16").encode("utf-16"))

    assert read_dialogues(path, plugins=PLUGINS)[0].turns == KIM.turns


def test_without_a_participant_the_tier_name_is_the_speaker():
    for missing in ("", 'PARTICIPANT=" "'):
        [talk] = loads(OTHERS.replace('PARTICIPANT="Kim"', missing))
        assert {scored.turn.speaker for scored in talk.turns} == {"K-Spch"}


def test_dependent_tiers_are_dropped_with_a_warning():
    with pytest.warns(Emo2vecWarning, match=r"dependent tiers.*: 'words'$"):
        assert loads(with_tier(WORDS)) == [KIM]


def test_a_second_emotion_of_a_turn_is_dropped_with_a_warning():
    tier = """<TIER LINGUISTIC_TYPE_REF="mood" PARENT_REF="K-Spch" TIER_ID="emotion@K2"><ANNOTATION>
        <REF_ANNOTATION ANNOTATION_ID="a8" ANNOTATION_REF="a2"><ANNOTATION_VALUE>sad</ANNOTATION_VALUE>
        </REF_ANNOTATION></ANNOTATION></TIER>"""

    for turn in ("a2", "a99"):
        with pytest.warns(Emo2vecWarning, match=r"'emotion@K2': .*1 emotion .* 'a8', 'sad'"):
            assert loads(with_tier(tier.replace("a2", turn))) == [KIM]


def test_emotions_with_their_own_times_are_matched_by_overlap():
    tier = """<TIER LINGUISTIC_TYPE_REF="mood" TIER_ID="emotion@K-Spch" PARTICIPANT="Kim"><ANNOTATION>
        <ALIGNABLE_ANNOTATION ANNOTATION_ID="a8" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
        <ANNOTATION_VALUE>sad</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>"""

    for kind in ("", ' PARENT_REF="K-Spch"'):
        [talk] = loads(with_tier(tier.replace(" PARTICIPANT", f"{kind} PARTICIPANT")))
        assert [scored.emotion.label for scored in talk.turns] == ["sad", "happy"]


def test_audio_with_an_offset_is_warned_about():
    late = OTHERS.replace('MIME_TYPE="audio/x-wav"', 'MIME_TYPE="audio/x-wav" TIME_ORIGIN="500"')

    with pytest.warns(Emo2vecWarning, match=r"500 ms .*'/home/me/a talk"):
        loads(late)


def test_a_turn_that_an_annotator_added_has_no_emotion():
    added = dumps([TALK]).replace(
        "<ANNOTATION_VALUE>angry</ANNOTATION_VALUE>", "<ANNOTATION_VALUE/>"
    )

    assert [scored.emotion for scored in loads(added)[0].turns] == [Emotion(), Emotion()]


def test_a_recording_without_turns_has_tiers_to_annotate():
    silent = Dialogue(recording="x", duration=2.0)
    root = ElementTree.fromstring(dumps([silent]))

    assert [each.get("TIER_ID") for each in root.iter("TIER")] == [
        "?",
        "emotion@?",
        "reviewed@?",
    ]
    assert loads(dumps([silent])) == [silent]


def test_thousands_of_speakers_and_overlapping_turns_are_stored():
    many = [a_turn(i, i + 1.5, f"S{i}") for i in range(2000)]
    deep = [a_turn(i / 1000, 9000.0) for i in range(2000)]

    check_format(ELAN, [Dialogue(recording="x", turns=(*many, *deep))])


DTD = '<?xml version="1.0"?><!DOCTYPE ANNOTATION_DOCUMENT [<!ENTITY a "b">]>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "XML.*line 1, column 0"),
        ("SPEAKER talk", "XML.*line 1, column 0"),
        (OTHERS[:700], "XML.*line 14, column 7"),
        (OTHERS.replace("</TIER>", "</TIRE>"), "line 24, column 6"),
        ("<a/>", "<ANNOTATION_DOCUMENT>.*<a>"),
        ("<a>\ud800</a>", "XML.*surrogates"),
        (DTD + "<ANNOTATION_DOCUMENT/>", "DTDForbidden"),
        (OTHERS.replace("milliseconds", "PAL-frames"), "milliseconds.*TIME_UNITS='PAL-frames'"),
        (OTHERS.replace('VALUE="1000"', 'VALUE="-1"'), "time slot 'ts2': .*milliseconds.*-1"),
        (OTHERS.replace('VALUE="1000"', 'VALUE="3000"'), "'a2' of tier 'K-Spch': .*end.*3.0.*2.0"),
        (OTHERS.replace('REF2="ts3"', 'REF2="ts4"'), "'a2' of tier 'K-Spch': .*time.*'ts4'"),
        (OTHERS.replace('REF2="ts3"', 'REF2="ts9"'), "'a2' of tier 'K-Spch': .*'ts9'.*truncated"),
        (OTHERS.replace('ANNOTATION_ID="a2"', 'ANNOTATION_ID="a1"'), "annotation 'a1'"),
        (OTHERS.replace('VALUE="1000"', f'VALUE="{"9" * 5000}"'), "'ts2': .*milliseconds.*'999"),
        (OTHERS.replace('TIER_ID="K', 'NAME="K'), "TIER_ID in <TIER>.*'NAME': 'K-Spch'"),
        (dumps([TALK]).replace(">3.0<", ">soon<"), "property 'emo2vec:duration'.*'soon'"),
    ],
)
def test_a_malformed_document_is_named(text, message):
    with pytest.raises(FormatError, match=message):
        loads(text)


@pytest.mark.filterwarnings("ignore::emo2vec_plugins.errors.Emo2vecWarning")
@given(
    start=st.integers(0, len(OTHERS)), length=st.integers(1, 200), end=st.sampled_from(["", "0"])
)
def test_a_damaged_document_is_read_or_a_format_error(start, length, end):
    try:
        loads(OTHERS[:start] + end + OTHERS[start + length :])
    except FormatError as error:
        assert str(error)  # noqa: PT017 - raising is optional


@pytest.mark.filterwarnings("ignore:.*dependent tiers:emo2vec_plugins.errors.Emo2vecWarning")
def test_elans_sample_document_is_read(shared):
    path = shared / "format_samples" / "elan" / "sample_3.0.eaf"
    read = pympi.Eaf(str(path))

    [talk] = read_dialogues(path, plugins=PLUGINS)

    assert talk.audio == "/Users/Shared/MPI/DemoMaterial/yele/r03_v20_s5.wav"
    for name in ("text", "gestures"):
        expected = sorted(time[:2] for time in read.get_annotation_data_for_tier(name))
        assert [
            (round(scored.turn.start * 1000), round(scored.turn.end * 1000))
            for scored in talk.turns
            if scored.turn.speaker == name
        ] == expected
    assert len(talk.turns) == 1596


def test_texts_of_turns_are_dropped_with_a_warning():
    with pytest.warns(Emo2vecWarning, match=r"text of 1 turn,.*'so you"):
        loads(OTHERS)
