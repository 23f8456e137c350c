"""``emo2vec train --check``, and the warnings before training."""

from __future__ import annotations

import pytest
import soundfile
from lhotse import MonoCut, SupervisionSegment
from support.cli_runner import run
from support.facts import assert_facts
from support.training import RATE, corpus, cut, manifest, tone

from emo2vec_plugins.integrations.lhotse import read_cuts
from emo2vec_plugins.training.data_check.check import check_data
from emo2vec_plugins.training.examples import read_examples

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def cuts(tmp_path):
    return corpus(tmp_path / "wav")


def check(tmp_path, cuts, *options):
    path = manifest(tmp_path / "cuts.jsonl.gz", cuts)
    return run("train", path, "--check", *options)


def with_fields(cut, **fields):
    """Return a copy of a cut whose supervision has these fields; unknown ones are custom."""
    (own,) = cut.supervisions
    native = {name: fields.pop(name) for name in ("language", "gender") if name in fields}
    changed = own.with_custom("corpus", fields["corpus"]) if fields else own
    for name, value in native.items():
        setattr(changed, name, value)
    return cut.with_id(cut.id).map_supervisions(lambda _: changed)


def test_the_check_prints_tables_and_findings_and_trains_nothing(tmp_path, cuts):
    cuts = [with_fields(each, corpus="mine", language="de-AT", gender="male") for each in cuts]
    before = {*tmp_path.rglob("*")} | {tmp_path / "cuts.jsonl.gz"}

    result = check(tmp_path, cuts)

    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    happy = next(line for line in result.stdout.splitlines() if line.startswith("happy"))
    assert happy.split() == ["happy", "8", "0.0", "4", "mine", "8", "de", "8", "male", "8"]
    assert_facts(result.stdout, "mine", "16 turns", "happy 8, sad 8", "16 of 16", "0.3 s")
    assert result.stdout.splitlines()[-1].startswith("0 errors, ")
    assert {*tmp_path.rglob("*")} == before


def test_the_same_turns_give_the_same_output(tmp_path, cuts):
    assert check(tmp_path, cuts).stdout == check(tmp_path, cuts).stdout


def test_audio_that_cannot_be_read_is_listed_and_the_rest_checked(tmp_path, cuts):
    (tmp_path / "wav" / "ann-happy-0.wav").write_bytes(b"no audio")
    (tmp_path / "wav" / "bob-sad-1.wav").unlink()

    result = check(tmp_path, cuts)

    assert result.exit_code == 1
    assert_facts(result.stdout, "2 of 16", "ann-happy-0", "bob-sad-1", "1 error")
    assert "all" in [line.partition(" ")[0] for line in result.stdout.splitlines()]
    assert_facts(result.stderr, "impossible", "2 of 16")


def test_a_split_that_is_impossible_is_an_error_and_both_sides_are_checked(tmp_path, cuts):
    dev = manifest(tmp_path / "dev.jsonl.gz", cuts[:4])

    result = check(tmp_path, cuts, "--dev", dev)

    assert result.exit_code == 1
    assert_facts(result.stdout, "both training and development", "ann")
    assert_facts(result.stdout, "same audio is in training and development", "8 turns in 4")


@pytest.mark.parametrize("fields", [{"corpus": "mine"}, {}])
def test_a_group_that_cannot_be_left_out_is_an_error(tmp_path, cuts, fields):
    cuts = [with_fields(each, **fields) for each in cuts]

    assert check(tmp_path, cuts, "--leave-one-out", "speaker").exit_code == 0
    result = check(tmp_path, cuts, "--leave-one-out", "corpus")

    assert result.exit_code == 1
    assert_facts(result.stdout, "error: ", "corpus", *fields.values())


def test_a_single_label_is_an_error(tmp_path, cuts):
    result = check(tmp_path, [each for each in cuts if "happy" in each.id])

    assert result.exit_code == 1
    assert_facts(result.stdout, "error", "two classes", "happy")


def test_copies_of_a_file_with_other_labels_are_found_by_their_samples(tmp_path, cuts):
    samples, _ = soundfile.read(tmp_path / "wav" / "ann-happy-0.wav", dtype="float32")
    other = cut(tmp_path, "copy", samples, speaker="eve", emotion="sad")

    result = check(tmp_path, [*cuts, other])

    assert_facts(result.stdout, "same audio has different labels", "ann-happy-0 happy", "copy sad")


def test_a_wrong_recipe_is_found(tmp_path, cuts):
    result = check(tmp_path, cuts, "--set", "epoch=3")

    assert result.exit_code == 1
    assert "epochs" in result.stderr


def test_long_audio_is_read_in_blocks(tmp_path):
    long = cut(tmp_path, "long", tone(200, seconds=130), speaker="ann", emotion="sad")
    (example,) = read_examples([long])

    assert max(map(len, example.blocks())) <= 60 * RATE
    found = check_data([example], longest=30.0)

    assert found.turns[0].sound.level == pytest.approx(-13.4, abs=0.1)
    assert [each.kind for each in found.findings if each.kind == "long"] == ["long"]


def test_names_in_manifests_that_are_no_names_are_unknown(tmp_path, cuts):
    odd = [with_fields(each, corpus=["a", "list"]) for each in cuts]
    path = manifest(tmp_path / "cuts.jsonl.gz", odd)

    found = check_data(read_examples(read_cuts(path)), longest=30.0, listen=False)

    assert {turn.corpus for turn in found.turns} == {None}


def test_turns_without_audio_are_not_the_same():
    cuts = [
        MonoCut(
            id=label,
            start=0.0,
            duration=1.0,
            channel=0,
            supervisions=[
                SupervisionSegment(
                    id=label, recording_id=label, start=0.0, duration=1.0, custom={"emotion": label}
                )
            ],
        )
        for label in ("happy", "sad")
    ]

    found = check_data(read_examples(cuts), longest=30.0)

    assert not {"contradictory", "repeated"} & {each.kind for each in found.findings}
    assert "unreadable" in {each.kind for each in found.findings}


def test_names_cannot_look_like_findings(tmp_path, cuts):
    odd = [with_fields(each, corpus="x\nerror: nothing\x1b[2J" + "y" * 5_000) for each in cuts]

    result = check(tmp_path, odd)

    assert result.exit_code == 0, result.stderr
    assert not any(line.startswith("error: ") for line in result.stdout.splitlines())
    assert max(map(len, result.stdout.splitlines())) < 2_000
    assert "\x1b" not in result.stdout


# Before training.


def test_training_warns_of_what_the_manifest_shows(tmp_path, cuts):
    cuts = [with_fields(each, corpus="mine") for each in cuts]
    path = manifest(tmp_path / "cuts.jsonl.gz", cuts)
    options = ("--new", "tiny", "--epochs", 1, "-o", tmp_path / "out")

    result = run("train", path, *options, "--dev-share", 0.5, "--threads", 1)

    assert result.exit_code == 0, result.stderr
    warnings = [line for line in result.stderr.splitlines() if "warning" in line]
    assert_facts(" ".join(warnings), "corpus", "mine", "happy 4", "0.3 s")
    assert "language unknown" not in " ".join(warnings)  # a note, which only --check prints


def test_training_needs_an_output(tmp_path, cuts):
    result = run("train", manifest(tmp_path / "cuts.jsonl.gz", cuts))

    assert result.exit_code == 2
    assert_facts(result.stderr, "-o", "--check")
