"""EmotionML: valid under the W3C's schema, and documents of other tools."""

from __future__ import annotations

import pytest
from hypothesis import given
from support.formats import hard

from emo2vec_plugins import Dialogue, Emotion, Plugins, Provenance, ScoredTurn, Turn
from emo2vec_plugins.errors import Emo2vecWarning, FormatError
from emo2vec_plugins.formats.emotionml.writing import EMOTIONML, dumps, loads
from emo2vec_plugins.formats.files import read_dialogues
from emo2vec_plugins.testing import check_format

TINY = Provenance(model="tiny", sha256="ab", tokens=("生气/angry",), version="0.1.0")
ANGRY = Emotion(
    label="angry",
    score=0.875,
    scores={"angry": 0.875, "not sure": 0.125},
    logits={"angry": 2.5, "not sure": -0.5},
    flags=("short", "clipped"),
    duration=1.5,
    overlap_ratio=0.25,
    provenance=TINY,
)
TALK = Dialogue(
    recording="talk",
    audio="sound/a talk.wav",
    duration=7.25,
    turns=(
        ScoredTurn(turn=Turn(start=1.5, end=3.0004, speaker="A\n"), emotion=ANGRY),
        ScoredTurn(turn=Turn(start=-0.5, end=2, channel=(0, 1)), emotion=Emotion(reason="short")),
        ScoredTurn(turn=Turn(start=2, end=2, channel=1), emotion=Emotion(label="unscored")),
    ),
)
WRITTEN = """\
<?xml version="1.0" encoding="UTF-8"?>
<emotionml version="1.0" xmlns="http://www.w3.org/2009/10/emotionml" \
xmlns:e2v="urn:emo2vec:emotionml:1" category-set="#emotions">
  <info>
    <e2v:model xml:id="model-1" model="tiny" sha256="ab" resampler="" dtype="float32" version="0.1.0">
      <e2v:token name="生气/angry" />
    </e2v:model>
    <e2v:recording xml:id="recording-1" name="talk" audio="sound/a talk.wav" duration="7.25" />
    <e2v:recording xml:id="recording-2" name="%00" />
  </info>
  <vocabulary type="category" id="emotions">
    <item name="angry" />
    <item name="not:20sure" />
    <item name="unscored" />
    <item name=":75nscored" />
  </vocabulary>
  <emotion time-ref-uri="#recording-1" offset-to-start="1500" duration="1500" expressed-through="voice">
    <info>
      <e2v:turn speaker="A&#10;" flags="short clipped" scored="1.5" overlap="0.25" model="model-1">
        <e2v:class name="angry" score="0.875" logit="2.5" />
        <e2v:class name="not sure" score="0.125" logit="-0.5" />
      </e2v:turn>
    </info>
    <category name="angry" confidence="0.875" />
    <category name="not:20sure" confidence="0.125" />
    <reference uri="sound/a%20talk.wav#t=1.500,3.000" role="expressedBy" />
  </emotion>
  <emotion time-ref-uri="#recording-1" offset-to-start="-500" duration="2500" expressed-through="voice">
    <info>
      <e2v:turn reason="short" channels="0 1" />
    </info>
    <category name="unscored" />
    <reference uri="sound/a%20talk.wav#t=0.000,2.000" role="expressedBy" />
  </emotion>
  <emotion time-ref-uri="#recording-1" offset-to-start="2000" duration="0" expressed-through="voice">
    <info>
      <e2v:turn channel="1" />
    </info>
    <category name=":75nscored" />
  </emotion>
</emotionml>
"""


@pytest.fixture(scope="session")
def schema(shared):
    from lxml import etree

    folder = shared / "format_samples/emotionml/src/main/resources/emotionml"
    return etree.XMLSchema(etree.parse(str(folder / "emotionml.xsd")))


def document(body, attributes=""):
    return (
        f'<emotionml version="1.0" xmlns="http://www.w3.org/2009/10/emotionml" {attributes}>'
        f"{body}</emotionml>"
    )


def emotion(attributes, inner='<category name="sad"/>'):
    return f"<emotion {attributes}>{inner}</emotion>"


def read(text):
    return [
        (one.recording, each.turn.start, each.turn.end, each.emotion)
        for one in loads(text)
        for each in one.turns
    ]


def test_a_turn_is_an_emotion_with_all_known_fields():
    both = [TALK, Dialogue(recording="\x00")]

    assert dumps(both) == WRITTEN
    check_format(EMOTIONML, both)


def test_bom_crlf_and_another_encoding_in_the_prolog_are_read():
    text = "\ufeff" + WRITTEN.replace("\n", "\r\n").replace("UTF-8", "UTF-16")

    assert loads(text) == loads(WRITTEN)


def test_without_emotions_there_is_no_vocabulary():
    assert "vocabulary" not in dumps([Dialogue(recording="x")])
    assert loads(dumps([Dialogue(recording="x")])) == [Dialogue(recording="x")]
    assert loads(dumps([])) == []


@given(dialogues=hard)
def test_every_document_is_valid_under_the_schema(schema, dialogues):
    from lxml import etree

    schema.assertValid(etree.fromstring(dumps(dialogues).encode()))


@pytest.mark.parametrize(
    ("audio", "uri"),
    [
        ("C:\\Sound\\a#1.wav", "C%3A/Sound/a%231.wav#t=1.500,3.000"),
        ("https://x.org/a%20b.wav?x=1&y=é#z", "https://x.org/a%20b.wav?x=1&y=%C3%A9#t=1.500,3.000"),
        ("50% <ü>.wav", "50%25%20%3C%C3%BC%3E.wav#t=1.500,3.000"),
        ("", "#t=1.500,3.000"),
    ],
)
def test_audio_is_referenced_by_a_uri_and_stored_unchanged(schema, audio, uri):
    from lxml import etree

    talk = Dialogue(recording="talk", audio=audio, turns=TALK.turns[:1])

    tree = etree.fromstring(dumps([talk]).encode())

    schema.assertValid(tree)
    assert tree.xpath("//*[local-name() = 'reference']/@uri") == [uri]
    assert loads(dumps([talk]))[0].audio == audio


def test_a_changed_label_is_read():
    changed = WRITTEN.replace(
        '<category name="angry" confidence="0.875" />', '<category name="sad" />'
    )

    emotion = loads(changed)[0].turns[0].emotion

    assert (emotion.label, emotion.score, emotion.scores) == ("sad", None, ANGRY.scores)


@pytest.mark.parametrize("score", [1.5, -0.1, float("nan")])
def test_an_invalid_score_is_an_error(score):
    turn = ScoredTurn(
        turn=Turn(start=0, end=1, speaker="Bob"), emotion=Emotion(label="sad", score=score)
    )

    with pytest.raises(FormatError, match=rf"from 0 to 1.* {score} .*Turn\(.*'Bob'"):
        dumps([Dialogue(recording="x", turns=(turn,))])


def test_a_number_that_is_not_finite_is_an_error():
    turn = ScoredTurn(
        turn=Turn(start=0, end=1), emotion=Emotion(label="sad", logits={"sad": float("inf")})
    )

    with pytest.raises(FormatError, match=r"finite.* inf .*Turn"):
        dumps([Dialogue(recording="x", turns=(turn,))])
    with pytest.raises(FormatError, match=r"finite.* nan .*Dialogue 'x'"):
        dumps([Dialogue(recording="x", duration=float("nan"))])


@pytest.mark.parametrize(
    ("attributes", "inner", "expected"),
    [
        ('start="1500" end="3000"', "", ("", 1.5, 3.0)),
        ('start="1268647200000" duration="130"', "", ("", 1268647200.0, 1268647200.13)),
        ('start="5"', "", ("", 0.005, 0.005)),
        ('offset-to-start="-1000" duration="3000" time-ref-uri="#s1"', "", ("s1", -1.0, 2.0)),
        ('duration=" 3000 " time-ref-uri="http://x.org/a%20b.wav"', "", ("a b", 0.0, 3.0)),
        ("", '<reference uri="http://x.org/v1.avi?t=2,13"/>', ("v1", 2.0, 13.0)),
        ("", '<reference uri="d/v1.avi#t=npt:0:01:02.5,1:02:03"/>', ("v1", 62.5, 3723.0)),
        ("", '<reference uri="v1.avi#xywh=0,0,1,1&amp;t=,13."/>', ("v1", 0.0, 13.0)),
        (
            "",
            '<reference uri="e.xml#t=0,1" role="triggeredBy"/><reference uri="a.wav#t=2,3"/>',
            ("a", 2.0, 3.0),
        ),
    ],
)
def test_times_and_recordings_in_other_documents_are_read(attributes, inner, expected):
    text = document(emotion(attributes, f'<category name="sad"/>{inner}'))

    assert read(text) == [(*expected, Emotion(label="sad"))]


def test_emotions_in_other_documents_belong_to_their_references():
    text = document(
        "".join(
            emotion("", f'<category name="{name}"/><reference uri="{uri}"/>')
            for name, uri in [
                ("sad", "a.wav#t=0,1"),
                ("bored", "b.wav#t=0,2"),
                ("x", "a.wav#t=2,3"),
            ]
        )
    )

    dialogues = loads(text)

    assert [(each.recording, each.audio, len(each.turns)) for each in dialogues] == [
        ("a", "a.wav", 2),
        ("b", "b.wav", 1),
    ]
    check_format(EMOTIONML, dialogues)


@pytest.mark.parametrize(
    ("inner", "expected", "left_out"),
    [
        (
            '<category name="sadness" value="0.3"/><category name="anger" value="0.8"/>',
            Emotion(label="anger"),
            "1 x category, 1 x value",
        ),
        (
            '<category name="a" confidence="0.4"/><category name="b" confidence="0.6"/>',
            Emotion(label="b", score=0.6),
            "1 x category",
        ),
        (
            '<dimension name="arousal" value="0.3"><trace freq="10Hz" samples="0.1"/></dimension>',
            Emotion(),
            "1 x dimension, 1 x trace",
        ),
        (
            '<action-tendency name="approach"/><category name="a"/><appraisal name="b"/>',
            Emotion(label="a"),
            "1 x action-tendency, 1 x appraisal",
        ),
    ],
)
def test_other_descriptions_are_dropped_with_a_warning(inner, expected, left_out):
    with pytest.warns(Emo2vecWarning, match=f": {left_out};"):
        assert read(document(emotion('start="0" end="1000"', inner))) == [("", 0.0, 1.0, expected)]


def test_a_single_emotion_is_a_document_too():
    text = (
        '<emotion xmlns="http://www.w3.org/2009/10/emotionml" start="0" end="1000">'
        '<category name="unscored"/></emotion>'
    )

    assert read(text) == [("", 0.0, 1.0, Emotion())]


ENTITY = '<!DOCTYPE emotionml [<!ENTITY a "b">]>'
OURS = 'xmlns:e2v="urn:emo2vec:emotionml:1"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "XML.*line 1"),
        ("<emotionml>\n<emotion></emotionml>", "XML.*line 2, column 11"),
        (ENTITY + document("&a;"), "DTDForbidden"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "DTDForbidden"),
        ("<emotionml/>", "<emotionml> of http.*<emotionml>"),
        (document(emotion("")), "emotion 1: no time"),
        (
            document(emotion('start="0"') + emotion("", '<reference uri="a.wav#t=10"/>')),
            "emotion 2: no time",
        ),
        (document(emotion('end="5"')), "emotion 1: no time"),
        (document(emotion('start="1.5"')), "emotion 1: .*milliseconds as start.*'1.5'"),
        (document(emotion('start="5" end="4"')), r"emotion 1: .*end.*0\.005.*0\.004"),
        (
            document(emotion('offset-to-start="1" time-ref-anchor-point="end"')),
            "emotion 1: .*from the end",
        ),
        (document(emotion('start="0"', "<category/>")), "emotion 1: .*<category>"),
        (
            document(emotion('start="0"', '<category name="a" confidence="high"/>')),
            "emotion 1: .*confidence.*'high'",
        ),
        ("<emotionml>\udc80</emotionml>", "XML.*surrogates"),
        (document(emotion(f'start="{"9" * 5000}"')), "emotion 1: .*milliseconds as start.*'999"),
        (
            document(emotion("", f'<reference uri="a.wav#t=0,{"9" * 5000}"/>')),
            "emotion 1: no time",
        ),
        (
            document(emotion('start="0"', '<category name="a" confidence="nan"/>')),
            "emotion 1: .*confidence.*'nan'",
        ),
        (
            document(
                emotion('start="0"', '<info><e2v:turn model="m"/></info><category name="a"/>'), OURS
            ),
            "emotion 1: .*model 'm'",
        ),
        (
            document(emotion('start="0"', '<info><e2v:turn channel="left"/></info>'), OURS),
            "emotion 1: .*channel.*'left'",
        ),
        (document("<info><e2v:recording/></info>", OURS), "xml:id.*<e2v:recording>.*None"),
        (document('<info><e2v:model xml:id="a"/></info>', OURS), "name in <e2v:model>"),
    ],
)
def test_a_malformed_document_is_named(text, message):
    with pytest.raises(FormatError, match=message):
        loads(text)


def outcome(path):
    """Return the number of turns in a file, or the beginning of its error."""
    try:
        dialogues = read_dialogues(path, plugins=Plugins(installed=False), format="emotionml")
    except FormatError as error:
        return str(error).partition(": ")[2].partition(", ")[0]
    return sum(len(each.turns) for each in dialogues)


def test_documents_of_the_w3c_are_read_or_an_error(shared):
    folder = shared / "format_samples/emotionml"
    paths = [*folder.rglob("*.emotionml"), *folder.rglob("fragment?.xml")]

    no_time = "emotion 1: no time"
    assert {path.name: outcome(path) for path in paths} == {
        **{f"doc{number}.emotionml": 0 for number in (1, 2, 5)},
        **{f"doc{number}.emotionml": no_time for number in (3, 4, 6)},
        "doc7.emotionml": "emotion 3: expected a time from the start",
        "emotion-voc.emotionml": 0,
        **{f"examples-{name}.emotionml": no_time for name in ("2.2", "2.3", "2.5", "3")},
        **{
            f"{name}.emotionml": 0
            for name in ("friendliness", "interpersonal", "likelihood", "robot")
        },
        "fragment1.xml": no_time,
        "fragment2.xml": no_time,
        "fragment3.xml": 1,
        "fragment4.xml": no_time,
    }
