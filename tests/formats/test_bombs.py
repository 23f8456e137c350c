"""Small files that cost much: time and errors are bounded by the size of the file."""

from __future__ import annotations

import json
import time

import pytest
from support.facts import assert_facts

from emo2vec_plugins.core.plugins import Plugins
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.formats import read_dialogues

PLUGINS = Plugins(installed=False)

N = 100_000
CUE = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n"
GRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> '
ELAN = "<ANNOTATION_DOCUMENT>{}</ANNOTATION_DOCUMENT>"
SLOTS = '<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="a" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="b" TIME_VALUE="9"/></TIME_ORDER>'
SPAN = '<ALIGNABLE_ANNOTATION ANNOTATION_ID="{}" TIME_SLOT_REF1="a" TIME_SLOT_REF2="b"><ANNOTATION_VALUE>sad</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>'
EMOTIONML = (
    '<emotion xmlns="http://www.w3.org/2009/10/emotionml" {}><reference uri="{}"/></emotion>'
)
RTTM = "SPEAKER a {channel} {start} {duration} <NA> <NA> s <NA> <NA>\n"


def overlapping(count):
    """Return an ELAN document in which all turns and emotions of a speaker overlap."""
    turns = "".join(SPAN.format(f"t{n}") for n in range(count))
    moods = "".join(SPAN.format(f"e{n}") for n in range(count))
    tiers = f'<TIER TIER_ID="A">{turns}</TIER><TIER TIER_ID="emotion@A">{moods}</TIER>'
    return ELAN.format(SLOTS + tiers)


COSTLY = {
    "voices.vtt": CUE + "<v " * N,
    "classes.vtt": CUE + "<v" + ".a" * N,
    "styles.vtt": CUE + "<c " * N,
    "tags.vtt": CUE + "<" * N,
    "blanks.vtt": "WEBVTT\n\n" + " \n" * N,
    "notes.vtt": "WEBVTT\n\n" + "NOTE x\n\n" * N,
    "reference.vtt": CUE + f"<v &#{'9' * 5000};>x",
    "quotes.TextGrid": GRID + '"' * N,
    "flags.TextGrid": GRID + "<" * N,
    "tiers.TextGrid": GRID + "1e9 ",
    "size.TextGrid": GRID + '1 "IntervalTier" "a" 0 1 1e9 ',
    "digits.TextGrid": GRID + "9" * N,
    "name.TextGrid": GRID + f'1 "IntervalTier" "{"a" * N}" 0 x',
    "overlapping.eaf": overlapping(3000),
    "tiers.eaf": ELAN.format("<TIER>" * 2000 + "</TIER>" * 2000),
    "depth.eaf": "<a>" * N,
    "nested.eaf": ELAN.format("<TIER>" * N + "</TIER>" * N),
    "attributes.eaf": "<a " + " ".join(f"a{n}='1'" for n in range(N)) + "/>",
    "slots.eaf": ELAN.format(f"<TIME_SLOT TIME_SLOT_ID='{'a' * N}' TIME_VALUE='{'9' * N}'/>"),
    "time.emotionml": EMOTIONML.format("", "a#t=" + "1" * N),
    "times.emotionml": EMOTIONML.format("", "a#t=1." * N),
    "address.emotionml": EMOTIONML.format('start="0" end="1"', "http://[x"),
    "channel.emotionml": EMOTIONML.format(f"start='{'1' * 5000}'", "a"),
    "depth.seglst.json": "[" * N,
    "depth2.seglst.json": '[{"session_id": ' + "[" * 500 + "]" * 500 + "}]",
    "digits.seglst.json": '[{"session_id": ' + "9" * 5000 + "}]",
    "text.seglst.json": json.dumps([{"session_id": "a", "start_time": "x" * N}]),
    "keys.seglst.json": json.dumps([{f"{n}": 1 for n in range(N)}]),
    "task.labelstudio.json": '[{"id": ' + "[" * 99 + "]" * 99 + ', "data": 1}]',
    "depth.emotions.jsonl": '{"schema": ' + "[" * N,
    "schema.emotions.jsonl": json.dumps({"schema": "a" * N}),
    "digits.rttm": RTTM.format(channel=1, start="1" * 5000, duration=1),
    "exponent.rttm": RTTM.format(channel=1, start="1e-99999999999999999999", duration="x"),
    "words.rttm": "x" * N,
    "name.rttm": "SPEAKER " + "x" * N,
    "quotes.emotions.csv": 'recording,start,end\n"' + '""' * N,
    "columns.emotions.csv": ",".join(f"c{n}" for n in range(N)),
    "others.emotions.csv": "recording,start,end," + ",".join(f"c{n}" for n in range(N)) + "\na",
    "number.emotions.csv": "recording,start,end\na," + "x" * N + ",1\n",
    "count.emotions.csv": "recording,start,end,channel\na,0,1," + "9" * 4000 + "\n",
    "tokens.emotions.csv": "recording,start,end,tokens\na,0,1," + "[" * N + "\n",
    "days.audformat.csv": "file,start,end\na," + "9" * 5000 + " days,1\n",
    "time.audformat.csv": "file,start,end\na,0 days 00:00:0" + "x" * N + ",1\n",
    "number.audacity.txt": "1" * N + "x\t1\ta\n",
    "label.audacity.txt": "0\t1\t" + " @a" * N + "\n",
}


def refusal(path):
    """Return the message with which a file is refused; empty if it is read."""
    try:
        read_dialogues(path, plugins=PLUGINS)
    except FormatError as error:
        return str(error)
    return ""


@pytest.mark.filterwarnings("ignore::emo2vec_plugins.errors.Emo2vecWarning")
@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_file_is_read_or_refused_in_time(tmp_path, name):
    path = tmp_path / name
    path.write_text(COSTLY[name], "utf-8")
    begin = time.perf_counter()

    message = refusal(path)

    assert len(message) < 1500
    assert not message or name in message
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize("times", [("1e-99999999999999999999", "1"), ("1e-400", "1e300")])
def test_times_with_odd_exponents_are_numbers(tmp_path, times):
    path = tmp_path / "a.rttm"
    path.write_text(RTTM.format(channel=1, start=times[0], duration=times[1]))

    (dialogue,) = read_dialogues(path, plugins=PLUGINS)

    assert dialogue.turns[0].turn.end == float(times[1])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.rttm", RTTM.format(channel=1, start=0, duration=1) * 50),
        ("a.emotions.csv", "recording,start,end\n" + "a,0,1\n" * 200),
    ],
)
def test_a_file_of_lines_may_have_any_number_of_them(tmp_path, monkeypatch, name, content):
    monkeypatch.setenv("EMO2VEC_READ_LIMIT", "100")
    path = tmp_path / name
    path.write_text(content)

    assert read_dialogues(path, plugins=PLUGINS)
    path.write_text(content + "x" * 101)
    with pytest.raises(FormatError) as error:
        read_dialogues(path, plugins=PLUGINS)
    assert_facts(str(error.value), name, f"line {content.count(chr(10)) + 1}", "--read-limit")


def test_a_document_has_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "a.seglst.json"
    path.write_text("[" + " " * 100 + "]")

    assert read_dialogues(path, plugins=PLUGINS) == []
    monkeypatch.setenv("EMO2VEC_READ_LIMIT", "100")
    with pytest.raises(FormatError) as error:
        read_dialogues(path, plugins=PLUGINS)
    assert_facts(str(error.value), str(path), "100B", "--read-limit", "EMO2VEC_READ_LIMIT")
