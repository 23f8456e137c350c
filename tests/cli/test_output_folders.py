"""Commands that write several files into a folder name all obstacles before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cli_runner import run
from support.cli_tree import OUTPUTS
from support.facts import assert_facts
from support.paths import contents_of, names_in

from emo2vec_plugins.core import Provenance
from emo2vec_plugins.files import write_whole
from emo2vec_plugins.testing import FakeBackend

RTTM = "SPEAKER a 1 0.000 1.000 <NA> <NA> ann <NA> <NA>\n"


def no_model(*_, **__):
    raise AssertionError("the model was loaded")


@pytest.fixture
def desk(write, noise, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("a.wav", noise(32_000), 16_000)
    Path("turns.rttm").write_text(RTTM)
    name = "pyannote.audio.pipelines.SpeakerDiarization"
    Path("config.yaml").write_text(f"pipeline: {{name: {name}}}\n")
    (tmp_path / "data").mkdir()
    Path("data/wav.scp").write_text(f"a {tmp_path}/a.wav\n")
    return tmp_path


SCORED = {
    ("rttm",): ("rttm", "a.wav", "--rttm", "turns.rttm"),
    ("kaldi",): ("kaldi", "data"),
    ("demo",): ("demo",),
    ("diarize",): ("diarize", "a.wav", "--pipeline", "config.yaml", "--allow", "pickles"),
    ("review", "export"): ("review", "export", "bundle", "--format", "elan"),
    ("review", "read"): ("review", "read", "bundle", "bundle"),
}
"""How to run each command that writes files of fixed names into a folder."""

NEW = {("train",), ("calibrate",)}
"""Commands whose folder must be new."""

FIRST = {
    ("rttm",): "a.spkemo.rttm",
    ("kaldi",): "utt2emotion_score",
    ("demo",): "sample.html",
    ("diarize",): "a.emotions.jsonl",
    ("review", "export"): "a.eaf",
    ("review", "read"): "agreement.json",
}
"""One of the files of each."""


def command(words, *more, model=True):
    given = [*SCORED[words], *more]
    return run(*given, *(("--model", "fake") if model and words[0] != "review" else ()))


@pytest.fixture
def bundle(desk):
    assert run("rttm", "a.wav", "--rttm", "turns.rttm", "-m", "fake", "-o", "bundle").exit_code == 0
    return desk / "bundle"


def test_every_command_that_writes_into_a_folder_is_tested():
    folders = {words for words, each in OUTPUTS if each.type.kind == "folder"}
    folders -= {words for words, each in OUTPUTS if each.name == "store"}  # see the tests of stores
    assert folders == SCORED.keys() | NEW


@pytest.mark.parametrize("words", SCORED, ids="-".join)
@pytest.mark.parametrize("kind", ["foreign", "edited"])
def test_no_file_of_a_person_is_replaced_and_no_model_is_loaded(words, kind, bundle, monkeypatch):
    path = Path("out") / FIRST[words]
    path.parent.mkdir()
    if kind == "edited":
        write_whole(path, "ours")
    path.write_text("precious")
    monkeypatch.setattr("emo2vec_plugins.cli.scoring.Loading.backend", no_model)

    result = command(words, "-o", "out")

    assert result.exit_code == 1, result.output
    assert_facts(result.stderr, path, "--overwrite")
    assert path.read_text() == "precious"
    assert names_in(Path("out")) == [path.name]


@pytest.mark.parametrize("words", [("rttm",), ("kaldi",), ("demo",)], ids="-".join)
def test_a_rerun_with_another_model_needs_no_flag(words, desk):
    for name in ("one", "two", "two"):
        other = FakeBackend()
        other.provenance = Provenance(model=name)
        result = run(*SCORED[words], "-o", "out", "--model", "fake", backend=other)
        assert result.exit_code == 0, result.stderr
    assert run(*SCORED[words], "-o", "out", "--model", "fake", "--overwrite").exit_code == 0


@pytest.mark.parametrize("words", [("rttm",), ("kaldi",), ("demo",), ("diarize",)], ids="-".join)
@pytest.mark.parametrize("wrong", [("--model", "no-such-model"), ("--format", "no-such-format")])
def test_a_mistake_leaves_no_folder_behind(words, wrong, desk):
    if words == ("kaldi",) and wrong[0] == "--format":
        return

    result = command(words, "-o", "new/out", *wrong, model=wrong[0] != "--model")

    assert result.exit_code == 1
    assert not Path("new").exists()


def test_the_rttm_of_the_user_is_never_replaced_by_a_part_of_it(desk):
    whole = RTTM + RTTM.replace(" a ", " b ")
    Path("a.rttm").write_text(whole)

    for more in ((), ("--overwrite",)):
        result = run("rttm", "a.wav", "--rttm", "a.rttm", "-o", ".", "--model", "fake", *more)
        assert result.exit_code == 1
        assert_facts(result.stderr, "a.rttm", "input")

    assert Path("a.rttm").read_text() == whole
    assert "a.emotions.jsonl" not in names_in(desk)


def test_a_file_that_an_annotator_edited_survives_the_next_run(bundle):
    elan = ("rttm", "a.wav", "--rttm", "turns.rttm", "-o", "bundle", "--format", "elan")
    assert run(*elan, "--model", "fake").exit_code == 0
    assert run(*elan, "--model", "fake").exit_code == 0
    file = bundle / "a.eaf"
    corrected = file.read_text().replace("ann", "Ann Corrected")
    file.write_text(corrected)
    before = contents_of(bundle)

    result = run(*elan, "--model", "fake")

    assert result.exit_code == 1
    assert_facts(result.stderr, "a.eaf", "changed", "--overwrite")
    assert contents_of(bundle) == before
    assert run(*elan, "--model", "fake", "--overwrite").exit_code == 0
    assert file.read_text() != corrected


def test_convert_does_not_replace_an_edited_file_or_what_it_reads(bundle):
    out = bundle / "a.eaf"
    for _ in range(2):
        assert run("convert", bundle, "-o", f"{bundle}/", "--format", "elan").exit_code == 0
    out.write_text(out.read_text() + "<!-- corrected -->")

    edited = run("convert", bundle, "-o", f"{bundle}/", "--format", "elan")
    itself = run("convert", bundle, "-o", f"{bundle}/", "--overwrite")
    listed = run("convert", out, "-o", bundle / "a.emotions.jsonl")

    assert (edited.exit_code, itself.exit_code) == (1, 1)
    assert_facts(edited.stderr, out, "changed")
    assert_facts(itself.stderr, bundle / "a.emotions.jsonl", "input")
    assert listed.exit_code == 0  # ours, unchanged, and not read


@pytest.mark.parametrize("name", ["a.wav", "sub/../a.wav", "link.wav"])
def test_audio_is_never_an_output(bundle, name, desk):
    (desk / "sub").mkdir()
    (desk / "link.wav").symlink_to(desk / "a.wav")
    (desk / "list.txt").write_text("a.wav\n")
    before = (desk / "a.wav").read_bytes()

    for given in (
        ("score", "a.wav", "-o", name, "--model", "fake"),
        ("score", ".", "-o", name, "--model", "fake"),
        ("score", "list.txt", "-o", name, "--model", "fake"),
        ("report", "bundle", "--audio", "a.wav", "-o", name),
        ("report", "bundle", "-o", name),  # linked in the results
        ("convert", "bundle", "-o", name, "--format", "rttm"),
    ):
        result = run(*given, "--overwrite")
        assert result.exit_code == 1, given
        assert_facts(result.stderr, name, "input")

    assert (desk / "a.wav").read_bytes() == before


def test_an_rttm_of_our_own_results_is_an_input_like_any_other(bundle):
    again = ("rttm", "a.wav", "--rttm", "bundle/a.rttm", "-o", "bundle", "--model", "fake")
    before = (bundle / "a.rttm").read_bytes()

    same = run(*again)
    (bundle / "a.rttm").write_bytes(b";; a comment\n" + before)
    other = run(*again)

    assert (same.exit_code, other.exit_code) == (0, 1)
    assert_facts(other.stderr, "bundle/a.rttm", "input")
    assert (bundle / "a.rttm").read_bytes() == b";; a comment\n" + before
