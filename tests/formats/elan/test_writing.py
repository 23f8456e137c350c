"""Writing of ELAN's documents: for ELAN, other tools and annotators."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pympi
import pytest
from hypothesis import given
from support.elan import PLUGINS, TALK, a_turn, media_of
from support.formats import hard

from emo2vec_plugins import Dialogue
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats.elan.writing import dumps, loads
from emo2vec_plugins.formats.files import write_dialogues

DOCUMENT = """\
<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="emo2vec_plugins" DATE="1970-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        <MEDIA_DESCRIPTOR MEDIA_URL="http://example.org/talk.wav?a=1&amp;b=2" MIME_TYPE="audio/*"/>
        <PROPERTY NAME="lastUsedAnnotationId">4</PROPERTY>
        <PROPERTY NAME="emo2vec:recording">talk</PROPERTY>
        <PROPERTY NAME="emo2vec:audio">http://example.org/talk.wav?a=1&amp;b=2</PROPERTY>
        <PROPERTY NAME="emo2vec:duration">3.0</PROPERTY>
    </HEADER>
    <TIME_ORDER>
        <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/>
        <TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1250"/>
        <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="1250"/>
        <TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="2000"/>
    </TIME_ORDER>
    <TIER LINGUISTIC_TYPE_REF="turns" PARTICIPANT="A &amp; B" TIER_ID="A &amp; B">
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
                <ANNOTATION_VALUE/>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
                <ANNOTATION_VALUE/>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="emotions" PARENT_REF="A &amp; B" PARTICIPANT="A &amp; B" TIER_ID="emotion@A &amp; B">
        <ANNOTATION>
            <REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1" CVE_REF="cveid0">
                <ANNOTATION_VALUE>angry</ANNOTATION_VALUE>
            </REF_ANNOTATION>
        </ANNOTATION>
        <ANNOTATION>
            <REF_ANNOTATION ANNOTATION_ID="a4" ANNOTATION_REF="a3" CVE_REF="cveid9">
                <ANNOTATION_VALUE>unscored</ANNOTATION_VALUE>
            </REF_ANNOTATION>
        </ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="reviewed" PARENT_REF="A &amp; B" PARTICIPANT="A &amp; B" TIER_ID="reviewed@A &amp; B"/>
    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="turns" TIME_ALIGNABLE="true"/>
    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" CONSTRAINTS="Symbolic_Association" \
CONTROLLED_VOCABULARY_REF="emotions" LINGUISTIC_TYPE_ID="emotions" TIME_ALIGNABLE="false"/>
    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" CONSTRAINTS="Symbolic_Association" \
CONTROLLED_VOCABULARY_REF="reviewed" LINGUISTIC_TYPE_ID="reviewed" TIME_ALIGNABLE="false"/>
    <LANGUAGE LANG_DEF="http://cdb.iso.org/lg/CDB-00130975-001" LANG_ID="und" LANG_LABEL="undetermined (und)"/>
    <CONSTRAINT DESCRIPTION="1-1 association with a parent annotation" STEREOTYPE="Symbolic_Association"/>
    <CONTROLLED_VOCABULARY CV_ID="emotions">
        <DESCRIPTION LANG_REF="und">Emotions of turns</DESCRIPTION>
        <CV_ENTRY_ML CVE_ID="cveid0">
            <CVE_VALUE LANG_REF="und">angry</CVE_VALUE>
        </CV_ENTRY_ML>
"""


def test_emotions_depend_on_turns_and_use_a_vocabulary():
    text = dumps([TALK])

    assert text.startswith(DOCUMENT)
    assert text.endswith("    </CONTROLLED_VOCABULARY>\n</ANNOTATION_DOCUMENT>\n")


def test_everything_except_scores_is_read_back():
    assert loads(dumps([TALK])) == [
        Dialogue(
            recording="talk",
            turns=(a_turn(0.5, 1.25, "A & B", "angry"), a_turn(1.25, 2.0, "A & B", None)),
            audio="http://example.org/talk.wav?a=1&b=2",
            duration=3.0,
        )
    ]


def test_pympi_reads_what_is_written(tmp_path):
    path = tmp_path / "talk.eaf"
    turns = (
        *(a_turn(0.1, 0.7), a_turn(0.7, 1.2, label="bored", reviewed=True)),
        a_turn(0.5, 0.9, "MÉO069"),
        *(a_turn(0.6, 0.8, label="happy"), a_turn(2.0, 2.0, None, None)),
    )

    write_dialogues([Dialogue(recording="talk", turns=turns)], path, plugins=PLUGINS)
    read = pympi.Eaf(str(path))

    assert {name: sorted(read.get_annotation_data_for_tier(name)) for name in read.tiers} == {
        "A": [(100, 700, ""), (700, 1200, "")],
        "emotion@A": [(100, 700, "sad", ""), (700, 1200, "bored", "")],
        "A#2": [(600, 800, "")],
        "emotion@A#2": [(600, 800, "happy", "")],
        "MÉO069": [(500, 900, "")],
        "emotion@MÉO069": [(500, 900, "sad", "")],
        "?": [(2000, 2001, "")],
        "emotion@?": [(2000, 2001, "unscored", "")],
        "reviewed@A": [(700, 1200, "yes", "")],
        **{f"reviewed@{name}": [] for name in ("A#2", "MÉO069", "?")},
    }
    assert [value for [(value, _, _)], _ in read.get_cv_entries("reviewed").values()] == ["yes"]
    entries = read.get_cv_entries("emotions").values()
    assert [value for [(value, _, _)], _ in entries] == [
        *("angry", "disgusted", "fearful", "happy", "neutral", "other", "sad", "surprised"),
        *("unknown", "unscored", "bored"),
    ]


@given(dialogues=hard)
def test_all_references_are_valid(dialogues):
    root = ElementTree.fromstring(dumps(dialogues))
    every = list(root.iter())

    names = [
        each.get(key)
        for each in every
        for key in ("TIME_SLOT_ID", "ANNOTATION_ID", "STEREOTYPE")
        if each.get(key)
    ]
    assert max(Counter(names).values(), default=1) == 1
    assert len([each for each in every if each.get("ANNOTATION_ID")]) == int(
        root.findtext("HEADER/PROPERTY[@NAME='lastUsedAnnotationId']")
    )
    for key, defining in {
        "TIME_SLOT_REF1": "TIME_SLOT_ID",
        "TIME_SLOT_REF2": "TIME_SLOT_ID",
        "ANNOTATION_REF": "ANNOTATION_ID",
        "PARENT_REF": "TIER_ID",
        "LINGUISTIC_TYPE_REF": "LINGUISTIC_TYPE_ID",
        "CONSTRAINTS": "STEREOTYPE",
        "CONTROLLED_VOCABULARY_REF": "CV_ID",
        "CVE_REF": "CVE_ID",
        "LANG_REF": "LANG_ID",
    }.items():
        defined = {each.get(defining) for each in every} - {None}
        assert {each.get(key) for each in every} - {None} <= defined, key


@given(dialogues=hard)
def test_elements_and_times_are_in_the_order_of_the_schema(dialogues):
    root = ElementTree.fromstring(dumps(dialogues))

    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LANGUAGE", "CONSTRAINT"]
    assert list(dict.fromkeys(each.tag for each in root)) == [*order, "CONTROLLED_VOCABULARY"]
    times = [int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    assert times == sorted(times)
    place = {slot.get("TIME_SLOT_ID"): at for at, slot in enumerate(root.iter("TIME_SLOT"))}
    for tier in root.iter("TIER"):
        places = [
            place[each.get(f"TIME_SLOT_REF{number}")]
            for each in tier.iter("ALIGNABLE_ANNOTATION")
            for number in (1, 2)
        ]
        assert places == sorted(places)


def test_tiers_of_a_speaker_have_the_speaker_as_participant():
    turns = (a_turn(0, 2), a_turn(1, 3))

    root = ElementTree.fromstring(dumps([Dialogue(recording="x", turns=turns)]))

    assert [(each.get("TIER_ID"), each.get("PARTICIPANT")) for each in root.iter("TIER")] == [
        ("A", "A"),
        ("emotion@A", "A"),
        ("reviewed@A", "A"),
        ("A#2", "A"),
        ("emotion@A#2", "A"),
        ("reviewed@A#2", "A"),
    ]


@pytest.mark.parametrize(
    ("audio", "media"),
    [
        ("/talks/a talk.WAV", ("file:///talks/a talk.WAV", "./a talk.WAV", "audio/x-wav")),
        ("C:\\talks\\a.mp3", ("file:///C:/talks/a.mp3", "./a.mp3", "audio/*")),
        ("\\\\host\\share\\a.mp4", ("file://host/share/a.mp4", "./a.mp4", "video/mp4")),
        ("file:///talks/100%.wav", ("file:///talks/100%.wav", None, "audio/x-wav")),
        ("https://example.org/a.flac", ("https://example.org/a.flac", None, "audio/*")),
    ],
)
def test_audio_is_linked_as_elan_links_it(audio, media):
    assert media_of(audio) == [media]
    assert loads(dumps([Dialogue(recording="x", audio=audio)]))[0].audio == audio


@pytest.mark.parametrize(
    ("audio", "relative"),
    [("a talk.wav", "./a talk.wav"), ("./in/a.wav", "./in/a.wav"), ("../a.wav", "../a.wav")],
)
def test_relative_audio_is_linked_absolutely_and_relatively(audio, relative):
    [(url, beside, _)] = media_of(audio)

    assert url == f"file://{Path.cwd()}/{audio.removeprefix('./')}"
    assert beside == relative
    assert loads(dumps([Dialogue(recording="x", audio=audio)]))[0].audio == audio


def test_without_audio_nothing_is_linked():
    assert media_of(None) == []
    assert loads(dumps([Dialogue(recording="x")]))[0].audio is None


def test_a_path_with_control_characters_is_an_error():
    with pytest.raises(FormatError, match=r"'\\x01'.*audio"):
        dumps([Dialogue(recording="x", audio="a\x01.wav")])
