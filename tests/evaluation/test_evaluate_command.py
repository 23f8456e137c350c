"""``emo2vec evaluate`` and ``emo2vec calibrate``, from input files to results."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from lhotse import CutSet
from support.cli_runner import run
from support.facts import assert_facts
from support.labelled_cuts import cuts_like_predictions, labelled_cut, save_cuts
from support.reference import SMALL, random_reference

from emo2vec_plugins.evaluation.calibrate_command import report_doubt, report_errors
from emo2vec_plugins.evaluation.doubt import DoubtFit
from emo2vec_plugins.evaluation.results import Calibration, Estimate, Reliability
from emo2vec_plugins.models.checkpoint import save_folder

TOKENS = ("angry", "happy", "neutral", "sad")


@pytest.fixture
def manifest(write, noise, tmp_path):
    """Twelve turns of three speakers, in two classes, with predictions in another field."""
    cuts = []
    for number in range(6):
        path = write(f"clip{number}.wav", noise(32000, seed=number), 16000)
        cuts.append(
            labelled_cut(path, "anger", "sadness", speaker=str(number % 3), predicted="angry")
        )
    return save_cuts(tmp_path / "cuts.jsonl.gz", *cuts)


@pytest.fixture
def label_map(tmp_path):
    path = tmp_path / "labels.yaml"
    path.write_text("anger: angry\nsadness: sad\n")
    return path


def evaluate(manifest, label_map, *arguments, **more):
    return run("evaluate", manifest, "--label-map", label_map, *arguments, **more)


def test_a_model_is_evaluated(manifest, label_map, tmp_path):
    out, picture = tmp_path / "out.json", tmp_path / "c.png"

    result = evaluate(
        *(manifest, label_map, "--model", "fake", "--resamples", "10"),
        *("--report", out, "--picture", picture),
    )

    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0] == "12 turns of 3 speakers, labels: angry, sad"
    assert result.stderr == "emo2vec: 12 turns, scored by fake@000000000000 (float32)\n"
    document = json.loads(out.read_text())
    assert (document["format"], document["version"]) == ("emo2vec-evaluation", 3)
    assert document["turns"] == 12
    assert document["about"]["judged"]["model"]["model"] == "fake"
    assert document["about"]["label_map"] == {"anger": "angry", "sadness": "sad"}
    assert document["calibration"]["turns"] == 12
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_lines_of_score_are_predictions(write, noise, tmp_path):
    """In lines that `emo2vec score` writes, the recording is the turn id."""
    files = [write(f"clip{number}.wav", noise(32000, seed=number), 16000) for number in range(3)]
    cuts = [labelled_cut(path, "angry", speaker=path.stem) for path in files]
    for cut, path in zip(cuts, files, strict=True):
        cut.supervisions = [replace(cut.supervisions[0], id=path.stem)]
    manifest, lines = save_cuts(tmp_path / "cuts.jsonl", *cuts), tmp_path / "p.emotions.jsonl"
    scored = run("score", *files, "--model", "fake", "--output", lines)
    records = [json.loads(line) for line in lines.read_text().splitlines()]

    result = run("evaluate", manifest, "--predictions", lines, "--report", "-")

    assert (scored.exit_code, result.exit_code) == (0, 0), result.stderr
    document = json.loads(result.stdout)
    assert (document["turns"], document["unscored"]) == (3, 0)
    share = sum(each["emotion"] == "angry" for each in records) / 3
    assert document["wa"]["value"] == pytest.approx(share)
    assert document["calibration"]["turns"] == 3


def test_predictions_in_another_field_need_no_model(manifest, label_map):
    result = evaluate(manifest, label_map, "--predicted-field", "predicted", "--report", "-")

    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document["wa"]["value"] == 0.5
    assert document["ua"]["value"] == 0.5
    assert document["calibration"] is None
    assert document["about"]["judged"] == {"predictions": str(manifest), "field": "predicted"}


def test_predictions_in_a_file_are_joined_by_id(manifest, label_map, tmp_path):
    ids = [turn.id for cut in CutSet.from_file(manifest) for turn in cut.supervisions]
    lines = [{"id": name, "label": "W" if name.endswith("0") else "T"} for name in ids]
    path = tmp_path / "theirs.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in reversed(lines)))
    meaning = tmp_path / "their_labels.json"
    meaning.write_text('{"W": "angry", "T": "sad"}')

    result = evaluate(
        *(manifest, label_map, "--predictions", path, "--predicted-label-map", meaning),
        *("--resamples", 0),
    )

    assert (result.exit_code, result.stderr) == (0, "")
    assert "WA, accuracy                   100.0" in result.stdout


def test_predictions_by_the_command_score_are_read(label_map, write, noise, tmp_path):
    cuts = []
    for number in range(4):
        path = write(f"clip{number}.wav", noise(32000, seed=number), 16000)
        cuts.append(labelled_cut(path, "anger" if number % 2 else "sadness"))
    whole = save_cuts(tmp_path / "whole.jsonl", *cuts)
    lines = [f"{cut.supervisions[0].id} {cut.recording.sources[0].source}" for cut in cuts]
    (tmp_path / "wav.scp").write_text("\n".join(lines) + "\n")
    scored = tmp_path / "scored.emotions.jsonl"
    done = run("score", tmp_path / "wav.scp", "-o", scored, "--model", "fake")

    found = [
        json.loads(evaluate(whole, label_map, *options, "--resamples", 0, "--report", "-").stdout)
        for options in (("--predictions", scored), ("--model", "fake"))
    ]

    assert done.exit_code == 0
    assert found[0]["confusion"] == found[1]["confusion"]
    assert found[0]["calibration"]["turns"] == found[1]["calibration"]["turns"] == 4


def test_predictions_by_the_command_cuts_are_read(manifest, label_map, tmp_path):
    predicted = tmp_path / "predicted.jsonl.gz"
    done = run("cuts", manifest, "-o", predicted, "--model", "fake", "--field", "said")
    options = ("--resamples", 0, "--report", "-")

    by_file = evaluate(
        manifest, label_map, "--predictions", predicted, "--predicted-field", "said", *options
    )
    by_field = evaluate(predicted, label_map, "--predicted-field", "said", *options)
    by_model = evaluate(manifest, label_map, "--model", "fake", *options)

    assert done.exit_code == by_file.exit_code == 0
    found = [json.loads(each.stdout) for each in (by_file, by_field, by_model)]
    for document in found:
        document.pop("about")
    assert found[0] == found[1]
    assert found[0]["confusion"] == found[2]["confusion"]
    assert found[0]["calibration"]["turns"] == 12


def test_pseudo_labels_are_reported_and_counted(manifest, label_map, tmp_path):
    cuts = list(CutSet.from_file(manifest))
    for cut in cuts[:2]:
        cut.supervisions[0].custom["emotion_source"] = "pseudo"
    path = save_cuts(tmp_path / "pseudo.jsonl", *cuts)

    result = evaluate(path, label_map, "--predicted-field", "predicted", "--report", "-")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["turns"] == 10
    assert json.loads(result.stdout)["about"]["left_out"]["pseudo_labels"] == 2
    (line,) = result.stderr.splitlines()
    for fact in ("warning: ", "2 of 12 labelled turns", "model", "emotion_source"):
        assert fact in line


def test_classes_of_interest_restrict_model_and_truth(manifest, label_map):
    result = evaluate(
        *(manifest, label_map, "--model", "fake", "--labels", "angry,happy"),
        *("--resamples", 0),
    )

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "6 turns of 3 speakers, labels: angry"
    assert "6 with labels not in --labels" in result.stderr


def test_turns_that_cannot_be_scored_count_as_wrong_and_are_named(manifest, label_map, tmp_path):
    (tmp_path / "clip0.wav").unlink()

    result = evaluate(manifest, label_map, "--model", "fake", "--resamples", 0)

    assert result.exit_code == 3
    assert "2 turns without a prediction, counted as wrong" in result.stdout
    assert "2 of 12 turns failed" in result.stderr
    assert "  clip0-0: " in result.stderr


def test_mistakes_are_reported_in_one_line(manifest, label_map, tmp_path):
    unmapped = run("evaluate", manifest, "--model", "fake")
    missing = run("evaluate", tmp_path / "no.jsonl", "--model", "fake")
    folder = run("evaluate", tmp_path, "--model", "fake")

    assert [each.exit_code for each in (unmapped, missing, folder)] == [1, 1, 1]
    assert "'anger' (6), 'sadness' (6)" in unmapped.stderr
    assert "no.jsonl" in missing.stderr
    assert f"{tmp_path}: expected" in folder.stderr
    assert "fold_1" in folder.stderr
    assert {each.stderr.count("\n") for each in (unmapped, missing, folder)} == {1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "fake", "--predicted-field", "predicted"), "--model cannot"),
        (("--predicted-field", "emotion"), "field 'emotion'"),
        (("--predicted-label-map", "x.yaml"), "--predicted-label-map needs"),
        (("--picture", "c.jpg"), "'c.jpg'"),
        (("--report", "."), "--report"),
        (("--fold", "1"), "--fold works only with"),
        (("--resamples", "-1"), "-1 is not in the range"),
    ],
)
def test_wrong_usage_is_reported(manifest, label_map, arguments, message):
    result = evaluate(manifest, label_map, *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("command", [["evaluate"], ["calibrate", "--output", "out"]])
def test_a_manifest_without_cuts_is_named(command, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")

    result = run(*command, tmp_path / "empty.jsonl", "--model", "tiny")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"emo2vec: error: {tmp_path}/empty.jsonl: ")
    assert "no cuts" in result.stderr


def test_pictures_may_be_vector_graphics(manifest, label_map, tmp_path):
    path = tmp_path / "c.svg"

    result = evaluate(manifest, label_map, "--predicted-field", "predicted", "--picture", path)

    assert result.exit_code == 0
    assert "<svg" in path.read_text()


@pytest.fixture
def box(write, noise, tmp_path):
    """A corpus in EmoBox format with two folds; the audio of one clip is missing."""
    (tmp_path / "toy" / "wav").mkdir(parents=True)
    for number in range(8):
        fold = tmp_path / "emobox" / f"fold_{number // 4 + 1}"
        fold.mkdir(parents=True, exist_ok=True)
        if number:
            write(f"toy/wav/{number}.wav", noise(16000, seed=number), 16000)
        line = {
            "key": f"s{number % 4}-{number}",
            "wav": f"downloads/toy/wav/{number}.wav",
            "sample_rate": 16000,
            "num_frame": 16000.0,
            "length": 1.0,
            "emo": "anger" if number % 2 else "sadness",
        }
        with (fold / f"toy_test_{fold.name}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
    return tmp_path / "emobox"


def test_folds_are_evaluated_one_by_one(box, label_map, tmp_path):
    arguments = ("--model", "fake", "--audio-root", tmp_path / "toy", "--resamples", 5)
    refused = evaluate(box, label_map, *arguments)

    result = evaluate(
        *(box, label_map, *arguments, "--skip-missing", "--speaker-pattern", r"s(\d)"),
        *("--resample-by", "speaker", "--report", tmp_path / "out.json"),
    )

    assert refused.exit_code == 1
    assert "1 of 8 clips: downloads/toy/wav/0.wav" in refused.stderr
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["fold_1", "3"],
        ["fold_2", "4"],
        ["mean", "-"],
        ["std", "-"],
    ]
    assert "7 turns of 4 speakers, labels: angry, sad" in lines
    assert "1 without audio" in result.stderr
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["about"]["left_out"]["missing_audio"] == 1
    assert document["folds"]["evaluations"]["fold_2"]["turns"] == 4


def test_one_fold_may_be_chosen_and_needs_no_audio_for_predictions(box, label_map, tmp_path):
    path = tmp_path / "theirs.jsonl"
    path.write_text("".join(f'{{"key": "s{n % 4}-{n}", "label": "angry"}}\n' for n in range(8)))

    result = evaluate(box, label_map, "--predictions", path, "--fold", 2, "--resamples", 0)

    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[0] for line in result.stdout.splitlines()[1:4]] == [
        "fold_2",
        "mean",
        "std",
    ]


def test_emobox_with_a_model_needs_its_audio(box, label_map):
    result = evaluate(box, label_map, "--model", "fake")

    assert result.exit_code == 2
    assert "--audio-root DIR" in result.stderr


def test_a_missing_library_says_what_to_install(manifest):
    """An installed library is hidden, as if it were missing."""
    code = (
        "import sys\n"
        "sys.modules['sklearn'] = None\n"
        "from emo2vec_plugins.cli import main\n"
        f"main(['evaluate', {str(manifest)!r}, '--predicted-field', 'predicted'])\n"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.returncode == 1
    assert "[train]" in result.stderr


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    tensors = random_reference(SMALL, 4).state_dict()
    save_folder(folder, config=SMALL, tensors=tensors, tokens=TOKENS)
    return folder


def test_a_model_is_calibrated(model, write, noise, tmp_path):
    cuts = save_cuts(
        tmp_path / "predicted.jsonl", *cuts_like_predictions(model, write, noise, sharpness=1.5)
    )
    out = tmp_path / "out"

    result = run("calibrate", cuts, "--model", model, "--output", out)

    assert (result.exit_code, result.stdout) == (0, "")
    *_, loss, error, doubt, threshold, labels, last = result.stderr.splitlines()
    number = r"\d\.\d{3}"
    assert re.search(rf"log loss .*speakers.* {number} before, {number} after", loss)
    assert re.search(rf"calibration error .*speakers.* {number} before, {number} after", error)
    assert re.search(rf"doubt, .*speaker.* curve {number}; {number} .*wrong", doubt)
    assert re.search(r"threshold 0\.\d+ withholds [\d.]+% ", threshold)
    assert re.search(r"keep their label, by true label: angry [\d.]+%, ", labels)
    assert (out / "doubt.json").is_file()
    for fact in ("temperature 1.", "40 turns", str(out)):
        assert fact in last
    assert "of predicted.jsonl" in (out / "README.md").read_text()


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        (DoubtFit(reason="wrong: none"), ("warning", "no measure of doubt", "wrong: none")),
        (DoubtFit(measure=object(), reason="few turns"), ("warning", "not tested", "few turns")),
    ],
)
def test_a_missing_measure_or_test_of_doubt_is_warned_of(found, facts, capsys):
    report_doubt(found, quiet=True)

    assert_facts(capsys.readouterr().err, *facts)


@pytest.mark.parametrize(
    ("after", "warning"),
    [
        ((0.5, 0.1), ""),
        ((0.7, 0.1), "speakers: log loss;"),
        ((0.5, 0.3), "speakers: expected calibration error;"),
        ((0.7, 0.3), "speakers: log loss and expected calibration error;"),
    ],
)
def test_an_error_that_rises_on_other_speakers_is_warned_of(after, warning, capsys):
    def reliability(log_loss, ece):
        return Reliability(ece=ece, brier=Estimate(value=0.4), log_loss=log_loss)

    report_errors(
        Calibration(
            turns=40, before=reliability(0.6, 0.2), after=reliability(*after), by="speaker"
        ),
        quiet=True,
    )

    stderr = capsys.readouterr().err
    assert warning in stderr
    assert bool(stderr) == bool(warning)


def test_no_model_is_saved_if_no_temperature_fits(manifest, label_map, model, tmp_path):
    result = run(
        *("calibrate", manifest, "--label-map", label_map, "--skip-unlabelled"),
        *("--model", model, "--output", tmp_path / "out"),
    )

    assert result.exit_code == 1
    assert "12 turns" in result.stderr
    assert "temperature" in result.stderr
    assert not (tmp_path / "out").exists()


def test_calibrate_refuses_impossible_requests(manifest, label_map, model, tmp_path):
    arguments = ("calibrate", manifest, "--label-map", label_map)
    (tmp_path / "there").mkdir()

    there = run(*arguments, "--model", model, "--output", tmp_path / "there")
    fake = run(*arguments, "--model", "fake", "--output", tmp_path / "out")
    nothing = run(*arguments, "--model", model)

    assert (there.exit_code, fake.exit_code, nothing.exit_code) == (1, 1, 2)
    assert f"{tmp_path / 'there'}: already exists" in there.stderr
    assert "'fake'" in fake.stderr
    assert "'--output'" in nothing.stderr


def test_a_negative_seed_is_wrong_usage(manifest, label_map):
    assert evaluate(manifest, label_map, "--model", "fake", "--seed", "-1").exit_code == 2


def test_an_error_about_labels_names_the_manifest(tmp_path, write, noise):
    path = write("a.wav", noise(16_000), 16_000)
    manifest = save_cuts(tmp_path / "truth.jsonl", labelled_cut(path, None))

    result = run("evaluate", manifest, "--model", "fake")

    assert result.exit_code == 1
    assert_facts(result.stderr, manifest, "a-0", "emotion")


def test_an_error_about_ids_names_the_file_that_has_them(tmp_path, write, noise):
    path = write("a.wav", noise(16_000), 16_000)
    twice = save_cuts(tmp_path / "truth.jsonl", *[labelled_cut(path, "sad")] * 2)
    once = save_cuts(tmp_path / "once.jsonl", labelled_cut(path, "sad"))
    other = tmp_path / "theirs.jsonl"
    other.write_text('{"id": "b-0", "label": "sad"}\n')

    repeated = run("evaluate", twice, "--predictions", other)
    missing = run("evaluate", once, "--predictions", other)

    assert (repeated.exit_code, missing.exit_code) == (1, 1)
    assert_facts(repeated.stderr, twice, "a-0")
    assert_facts(missing.stderr, once, other, "a-0", "b-0")


def test_a_label_map_that_leaves_out_every_turn_is_named(tmp_path, write, noise):
    path = write("a.wav", noise(16_000), 16_000)
    manifest = save_cuts(tmp_path / "truth.jsonl", labelled_cut(path, "sad"))
    nothing = tmp_path / "nothing.yaml"
    nothing.write_text("sad: null\n")

    result = run("evaluate", manifest, "--model", "fake", "--label-map", nothing)

    assert result.exit_code == 1
    assert_facts(result.stderr, manifest, nothing)
