"""WebVTT captions with emotions, and captions of other tools."""

from __future__ import annotations

import io

import pytest

from emo2vec_plugins import Dialogue, Emotion, Plugins, ScoredTurn, Turn
from emo2vec_plugins.core.labels import COLOURS
from emo2vec_plugins.errors import Emo2vecWarning, FormatError
from emo2vec_plugins.formats.files import read_dialogues
from emo2vec_plugins.formats.webvtt.reading import loads
from emo2vec_plugins.formats.webvtt.writing import WEBVTT, dumps
from emo2vec_plugins.testing import check_format

WITH_TEXT = pytest.mark.filterwarnings(
    "ignore:.*text of .* cues?:emo2vec_plugins.errors.Emo2vecWarning"
)


def talk(*turns, **more):
    return Dialogue(
        recording="talk",
        turns=tuple(ScoredTurn(turn=turn, emotion=emotion) for turn, emotion in turns),
        **more,
    )


def read(text):
    [dialogue] = loads(text)
    return [
        (each.turn.start, each.turn.end, each.turn.speaker, each.emotion) for each in dialogue.turns
    ]


def cue(text):
    return f"WEBVTT\n\n00:00.000 --> 00:01.000\n{text}\n"


def test_a_turn_is_a_cue_with_a_coloured_voice():
    dialogue = talk(
        (Turn(start=360000.0, end=360001.0, speaker="B & <C>"), Emotion(label="sad")),
        (Turn(start=1.5, end=3.0, speaker="SPEAKER_00"), Emotion(label="angry", score=0.8734213)),
        (Turn(start=2, end=2), Emotion(reason="too short")),
        (Turn(start=62.0004, end=63), Emotion(label="not sure", score=1.0)),
        audio="sound/a talk.wav",
        duration=360001.25,
    )

    assert dumps([dialogue]) == (
        "WEBVTT\n"
        "\n"
        "NOTE emo2vec\n"
        "recording: talk\n"
        "audio: sound/a talk.wav\n"
        "duration: 360001.25\n"
        "\n"
        "STYLE\n"
        "::cue(.angry) { color: #d55e00; }\n"
        "::cue(.sad) { color: #0072b2; }\n"
        "\n"
        "00:00:01.500 --> 00:00:03.000\n"
        "<v SPEAKER_00><c.angry.score_0_873421>SPEAKER_00: angry (87 %)</c></v>\n"
        "\n"
        "00:00:02.000 --> 00:00:02.001\n"
        "unscored\n"
        "\n"
        "00:01:02.000 --> 00:01:03.000\n"
        "<c.emotion_not%20sure.score_1_000000>not sure (100 %)</c>\n"
        "\n"
        "100:00:00.000 --> 100:00:01.000\n"
        "<v B &amp; &lt;C&gt;><c.sad>B &amp; &lt;C&gt;: sad</c></v>\n"
    )
    check_format(WEBVTT, [dialogue])


def test_a_recording_without_turns_is_a_note():
    dialogue = talk(duration=2.5)

    assert dumps([dialogue]) == "WEBVTT\n\nNOTE emo2vec\nrecording: talk\nduration: 2.5\n"
    check_format(WEBVTT, [dialogue])


@pytest.mark.parametrize(
    ("speaker", "line"),
    [
        ("-->", "<v --&gt;><c.sad>--&gt;: sad</c></v>"),
        ("a--", "<v a-%2D><c.sad>a--: sad</c></v>"),
        ("a\n\nb", "<v a%0A%0Ab><c.sad>a  b: sad</c></v>"),
        ("  A  (2) ", "<v %20%20A %20(2)%20><c.sad>  A  (2) : sad</c></v>"),
        ("?", "<v ?><c.sad>?: sad</c></v>"),
        ("", "<v %><c.sad>: sad</c></v>"),
        ("&amp;", "<v &amp;amp;><c.sad>&amp;amp;: sad</c></v>"),
        ("%20", "<v %2520><c.sad>%20: sad</c></v>"),
        ("مريم", "<v مريم><c.sad>مريم: sad</c></v>"),
    ],
)
def test_any_speaker_is_stored_and_shown(speaker, line):
    dialogue = talk((Turn(start=0, end=1, speaker=speaker), Emotion(label="sad")))

    assert dumps([dialogue]).splitlines()[-1] == line
    assert read(dumps([dialogue])) == [(0.0, 1.0, speaker, Emotion(label="sad"))]


@pytest.mark.parametrize("label", ["", "emotion_sad", "score_0_5", "a.b", "unscored", "?", "a\nb"])
def test_any_label_is_stored(label):
    dialogue = talk((Turn(start=0, end=1, speaker="A"), Emotion(label=label, score=0.25)))

    assert read(dumps([dialogue])) == [(0.0, 1.0, "A", Emotion(label=label, score=0.25))]


def test_a_label_that_would_form_an_arrow_is_stored():
    dialogue = talk((Turn(start=0, end=1), Emotion(label="a--")))

    assert dumps([dialogue]).splitlines()[-1] == "<c.emotion_a-%2D>a--</c>"
    assert read(dumps([dialogue])) == [(0.0, 1.0, None, Emotion(label="a--"))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello.", [(None, Emotion())]),
        ("<v.first.loud Esme>It's blue!", [("Esme", Emotion())]),
        ("<v.loud.angry Bob>No!</v>", [("Bob", Emotion(label="angry"))]),
        ("<v.emotion_bored Bob>Well.", [("Bob", Emotion(label="bored"))]),
        ("<v.score_0_5 Bob>Well.", [("Bob", Emotion())]),
        ("<i.loud><c.angry.score_0_25>No!", [(None, Emotion(label="angry", score=0.25))]),
        (
            "<v A><c.loud>No<c.sad>!</c></c></v><v B>Yes",
            [("A", Emotion(label="sad")), ("B", Emotion())],
        ),
        ("<v Esme>Hee!</v> <i>laughter</i>", [("Esme", Emotion())]),
        ("<v Ann\n  Lee>Hi</v> <v \tBob >Ho</v>", [("Ann Lee", Emotion()), ("Bob", Emotion())]),
        ("<v A &amp; B&nbsp;C>Hi", [("A & B\u00a0C", Emotion())]),
        ("<v>Hi", [(None, Emotion())]),
        ("<video>Hi", [(None, Emotion())]),
        ("<v 50%25>Hi", [("50%25", Emotion())]),
    ],
)
@WITH_TEXT
def test_voices_are_speakers_and_known_classes_are_emotions(text, expected):
    assert [(speaker, emotion) for _, _, speaker, emotion in read(cue(text))] == expected


@WITH_TEXT
def test_all_kinds_of_blocks_are_read():
    text = (
        "WEBVTT - a title\r\n"
        "Kind: captions\r\n"
        "\r\n"
        "REGION\r\nid:fred\r\n\r\n"
        "STYLE \r\n::cue { color: red }\r\n\r\n"
        "NOTE\r\nof two\r\nlines\r\n\r\n"
        "   \r\n"
        "an identifier\r\n"
        "00:01.000 --> 00:02.500 align:start position:50.00%,middle\r\n"
        "one\r\n"
        "00:02.500 --> 10:00:03.000\r"
        "two\r"
        " \r"
        "\r"
        "NOTE --> is no cue\n"
        "\n"
        "00:00:04.000\t-->\t00:00:04.000\n"
    )

    assert read(text) == [
        (1.0, 2.5, None, Emotion()),
        (2.5, 36003.0, None, Emotion()),
        (4.0, 4.0, None, Emotion()),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: .*WEBVTT.*''"),
        ("WEBVTTx", "line 1: .*WEBVTT"),
        ("1\n00:00:01,000 --> 00:00:02,000\nx", "line 1: .*WEBVTT.*'1'"),
        ("WEBVTT\n\n00:01.000 --> 00:1d.000\nx", "line 3: .*times.*00:1d.000"),
        ("WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nx", "line 3: .*times.*01,000"),
        ("WEBVTT\n\n00:01.000 --> 00:02.0000\nx", "line 3: .*times.*02.0000"),
        ("WEBVTT\n\n00:61.000 --> 00:62.000\nx", "line 3: .*times.*00:61"),
        ("WEBVTT\n\n00:03.000 --> 00:02.000\nx", "line 3: .*end.*start.*00:03"),
        ("WEBVTT\n\n1\n\n00:01.000 --> 00:02.000\nx", "line 3: .*'1'"),
        ("WEBVTT\n\ntwo\nlines", "line 3: .*'two'"),
        ("WEBVTT\n\nNOTE emo2vec\nduration: long", "duration.*'long'"),
        ("WEBVTT\n\nNOTE emo2vec\nduration: inf", "duration.*'inf'"),
        (f"WEBVTT\n\n00:01.000 --> {'9' * 5000}:00:02.000", "line 3: .*times"),
        (cue("<v.sad Bob>a<c.angry>b"), "line 3: .*'sad', 'angry'"),
    ],
)
def test_malformed_captions_are_named(text, message):
    with pytest.raises(FormatError, match=message):
        loads(text)


def test_text_of_cues_is_dropped_with_a_warning():
    text = cue("<v Ann>Hello") + "\n00:01.000 --> 00:02.000\nWell.\n\n00:02.000 --> 00:03.000\n"

    with pytest.warns(Emo2vecWarning, match="text of 2 cues"):
        assert len(read(text)) == 3


def test_a_turn_before_0_and_an_invalid_score_are_errors():
    early = talk((Turn(start=-0.5, end=1, speaker="Bob"), Emotion()))
    odd = talk((Turn(start=0, end=1, speaker="Bob"), Emotion(label="sad", score=float("nan"))))

    with pytest.raises(FormatError, match=r"before 0.*Turn\(start=-0.5"):
        dumps([early])
    with pytest.raises(FormatError, match=r"score.*nan.*Turn\(.*'Bob'"):
        dumps([odd])


@pytest.mark.parametrize("colour", COLOURS.values())
def test_every_colour_is_readable_on_black(colour):
    """The WCAG require a contrast of 3:1 for large text."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert (luminance + 0.05) / 0.05 >= 3


def test_another_reader_finds_the_same_cues():
    import webvtt

    dialogue = talk(
        (Turn(start=1.5, end=3.0, speaker="A --> <B>"), Emotion(label="angry", score=0.5)),
        (Turn(start=400000.0, end=400001.0, speaker="a\n\nb"), Emotion(label="?", score=0.5)),
        (Turn(start=2, end=2), Emotion(reason="too short")),
    )

    theirs = webvtt.from_buffer(io.StringIO(dumps([dialogue])), strict=True)

    assert [(each.start, each.end, each.voice) for each in theirs] == [
        ("00:00:01.500", "00:00:03.000", "A --&gt; &lt;B&gt;"),
        ("00:00:02.000", "00:00:02.001", None),
        ("111:06:40.000", "111:06:41.000", "a%0A%0Ab"),
    ]
    assert theirs.header_comments == ["emo2vec\nrecording: talk"]
    assert [style.text for style in theirs.styles] == ["::cue(.angry) { color: #d55e00; }"]


REFUSED = {
    "empty.vtt": "line 1: .*WEBVTT",
    "invalid.vtt": "line 1: .*WEBVTT",
    "invalid_timeframe.vtt": "line 6: .*times",
    "missing_timeframe.vtt": "line 6: .* 'Caption text #2'",
}


@WITH_TEXT
def test_captions_of_other_tools_are_read_as_webvtt_py_reads_them(shared):
    import webvtt

    paths = sorted((shared / "format_samples").glob("webvtt_*/*.vtt"))
    for path in paths:
        if path.name in REFUSED:
            with pytest.raises(FormatError, match=REFUSED[path.name]):
                read_dialogues(path, plugins=Plugins(installed=False))
            continue
        [dialogue] = read_dialogues(path, plugins=Plugins(installed=False))
        theirs = [(each.start, each.end) for each in webvtt.read(str(path))]
        ours = [(each.turn.start, each.turn.end) for each in dialogue.turns]
        stamps = [
            tuple(
                webvtt.models.Timestamp.from_string(time).in_milliseconds() / 1000 for time in pair
            )
            for pair in theirs
        ]
        assert ours == stamps, path
        check_format(WEBVTT, [dialogue])

    assert len(paths) == 20


@WITH_TEXT
def test_speakers_in_captions_of_other_tools_are_read(shared):
    folder = shared / "format_samples" / "webvtt_mozilla"
    speakers = {
        path.stem: [each.turn.speaker for each in loads(path.read_text("utf-8"))[0].turns]
        for path in folder.iterdir()
    }

    assert speakers["voice-spans"] == ["Esme", "Mary", "Esme", "Mary"]
    assert set(speakers["example1"]) == {"Roger Bingham", "Neil deGrasse Tyson"}
