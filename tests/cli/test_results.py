"""``--format``: each recording in a plugin's format, beside its bundle."""

from __future__ import annotations

import importlib.util

import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.paths import ROOT, names_in

from emo2vec_plugins.core.format import Format
from emo2vec_plugins.core.hookspecs import hookimpl
from emo2vec_plugins.errors import FormatError
from emo2vec_plugins.files import write_whole


class Offering:
    """Offers the formats it was made with."""

    def __init__(self, *formats):
        self.formats = formats

    @hookimpl
    def emo2vec_formats(self):
        return list(self.formats)


def dump(dialogues):
    (dialogue,) = dialogues
    return f"{dialogue.recording}: {len(dialogue.turns)} turns\n"


def only_a(dialogues):
    if dialogues[0].recording != "a":
        raise FormatError("only a fits in here")
    return dump(dialogues)


NOTE = Format(name="note", suffixes=(".note.txt", ".txt"), description="", dumps=dump)


@pytest.fixture
def corpus(write, noise, tmp_path):
    """Two recordings and their RTTM, as arguments of the command."""
    for name in "ab":
        write(f"{name}.wav", noise(16000), 16000)
    rttm = tmp_path / "turns.rttm"
    rttm.write_text("".join(f"SPEAKER {n} 1 0 0.5 <NA> <NA> {n} <NA> <NA>\n" for n in "ab"))
    return tmp_path, "--rttm", rttm, "--output", tmp_path / "out"


def rttm(*arguments, formats=(NOTE,)):
    return run("rttm", "--model", "fake", *arguments, plugins=[Offering(*formats)])


def test_each_recording_is_written_in_the_format_too(corpus, tmp_path):
    result = rttm(*corpus, "--format", "note")

    assert result.exit_code == 0
    assert (tmp_path / "out" / "a.note.txt").read_text() == "a: 1 turns\n"
    assert (tmp_path / "out" / "b.note.txt").read_text() == "b: 1 turns\n"
    assert len(names_in(tmp_path / "out")) == 10


def test_several_formats_may_be_named_and_those_of_the_bundle_change_nothing(corpus, tmp_path):
    other = Format(name="other", suffixes=(".other",), description="", dumps=dump)
    names = "note", "other", "note", "rttm", "emotions.jsonl"

    result = rttm(*corpus, *(f"--format={name}" for name in names), formats=(NOTE, other))

    assert result.exit_code == 0
    assert len(names_in(tmp_path / "out")) == 12
    assert "<NA> a <NA>" in (tmp_path / "out" / "a.rttm").read_text()


def test_the_example_of_a_format_is_written(corpus, tmp_path):
    folder = ROOT / "examples" / "plugin_srt"
    spec = importlib.util.spec_from_file_location("srt_example", folder / "emo2vec_plugin_srt.py")
    plugin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plugin)

    result = run("rttm", "--model", "fake", *corpus, "--format", "srt", plugins=[plugin])

    assert result.exit_code == 0
    assert (tmp_path / "out" / "a.srt").read_text().splitlines()[:2] == [
        "1",
        "00:00:00,000 --> 00:00:00,500",
    ]


@pytest.mark.parametrize(
    ("name", "facts"),
    [("nite", ["did you mean 'note'?"]), ("zzzz", ["audacity", "emotions.jsonl", "note", "rttm"])],
)
def test_an_unknown_format_gets_a_suggestion_or_the_list(corpus, tmp_path, name, facts):
    result = rttm(*corpus, "--format", name)

    assert result.exit_code == 1
    assert_facts(result.stderr, repr(name), *facts)
    assert not (tmp_path / "out").exists()


def test_format_that_cannot_be_written_is_refused(corpus):
    reading = Format(name="reading", suffixes=(".read",), description="", loads=lambda text: [])

    result = rttm(*corpus, "--format", "reading", formats=[reading])

    assert result.exit_code == 1
    assert_facts(result.stderr, "error: ", "'reading'", "only be read")


@pytest.mark.parametrize("suffix", [".rttm", ".Emotions.JSONL", ".embeddings.npz"])
def test_format_whose_files_would_replace_those_of_the_bundle_is_refused(corpus, suffix):
    thief = Format(name="thief", suffixes=(suffix,), description="", dumps=dump)

    result = rttm(*corpus, "--format", "thief", formats=[thief])

    assert result.exit_code == 1
    assert "format 'thief' cannot be written here" in result.stderr


def test_files_that_an_earlier_run_wrote_and_this_one_does_not_are_removed(corpus, tmp_path):
    out = tmp_path / "out"
    rttm(*corpus, "--format", "note", "--embeddings")
    (out / "b.note.txt").write_text("mine")
    (out / "b.embeddings.npz").write_text("mine")

    result = rttm(*corpus)

    assert result.exit_code == 0
    assert_facts(result.stderr, out / "a.note.txt", out / "a.embeddings.npz")
    assert not {"a.note.txt", "a.embeddings.npz"} & {*names_in(out)}
    assert (out / "b.note.txt").read_text() == (out / "b.embeddings.npz").read_text() == "mine"


def test_turns_beside_their_audio_are_left_as_they_are(corpus, tmp_path):
    lines = "SPEAKER a 1 0 0.5 <NA> <NA> a <NA> <NA>\n"
    (tmp_path / "a.rttm").write_text(lines)

    result = rttm(tmp_path / "a.wav", "--rttm", tmp_path / "a.rttm", "--output", tmp_path)

    assert result.exit_code == 0
    assert (tmp_path / "a.rttm").read_text() == lines
    assert (tmp_path / "a.emotions.jsonl").exists()


def test_recording_that_a_format_cannot_hold_fails_alone(corpus, tmp_path):
    picky = Format(name="picky", suffixes=(".pick",), description="", dumps=only_a)
    write_whole(tmp_path / "out" / "b.pick", "of an earlier run")

    result = rttm(*corpus, "--format", "picky", formats=[picky])

    assert result.exit_code == 3
    assert result.stderr.splitlines()[2:] == [
        "emo2vec: warning: 1 of 2 picky files failed:",
        f"  {tmp_path}/out/b.pick: only a fits in here",
    ]
    assert (tmp_path / "out" / "a.pick").exists()
    assert not (tmp_path / "out" / "b.pick").exists()


def test_a_file_of_others_stays_if_a_format_cannot_hold_its_recording(corpus, tmp_path):
    picky = Format(name="picky", suffixes=(".pick",), description="", dumps=only_a)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.pick").write_text("theirs")

    result = rttm(*corpus, "--format", "picky", "--overwrite", formats=[picky])

    assert result.exit_code == 3
    assert sum(str(tmp_path / "out" / "b.pick") in line for line in result.stderr.splitlines()) == 2
    assert (tmp_path / "out" / "b.pick").read_text() == "theirs"


def test_bug_in_a_format_fails_its_files_alone(corpus, tmp_path):
    broken = Format(name="broken", suffixes=(".brk",), description="", dumps=lambda _: 1 / 0)

    result = rttm(*corpus, "--format", "broken", formats=[broken])

    assert result.exit_code == 3
    assert "all 2 broken files failed:" in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert (tmp_path / "out" / "b.emotions.jsonl").exists()


def test_demo_writes_the_format_and_says_where(tmp_path):
    out = tmp_path / "demo"

    result = run(
        *("demo", "--model", "fake", "--output", out, "--format", "note"), plugins=[Offering(NOTE)]
    )

    assert result.exit_code == 0
    assert f"wrote {out}/sample.note.txt" in result.stdout.splitlines()
    assert (out / "sample.note.txt").read_text() == "sample: 9 turns\n"
