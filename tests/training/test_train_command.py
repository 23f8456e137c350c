"""``emo2vec train``: its options, its output and its errors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from support.cli_runner import run
from support.facts import assert_facts
from support.training import corpus, cut, manifest, small_config, small_model, tone

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.integrations.lhotse import read_cuts
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.recipe import read_recipe
from emo2vec_plugins.training.run import train
from emo2vec_plugins.training.split import make_split

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    manifest(folder / "cuts.jsonl.gz", corpus(folder / "wav"))
    small_config(folder / "config.yaml")
    small_model(folder / "base")
    (folder / "recipe.yaml").write_text(
        "tune: new\nnetwork: config.yaml\nepochs: 2\nbatch_turns: 6\nlearning_rate: 0.01\n"
    )
    return folder


def command(place, tmp_path, *options):
    return run("train", place / "cuts.jsonl.gz", "--output", tmp_path / "out", *options)


def predict(folder, path):
    return Engine(load_model(folder, device="cpu")).score(path)[0]


def test_a_recipe_in_a_file_makes_a_model(place, tmp_path):
    result = command(place, tmp_path, "--recipe", place / "recipe.yaml", "--threads", 1)

    assert result.exit_code == 0, result.stderr
    assert "epoch 2 of 2: loss " in result.stderr
    summary = result.stderr.splitlines()[-1]
    for fact in (str(tmp_path / "out"), "16 turns", "2 epochs", "epoch 2"):
        assert fact in summary
    assert result.stdout == ""
    assert set(predict(tmp_path / "out", place / "wav" / "ann-sad-0.wav").scores) == {
        "happy",
        "sad",
    }


def test_a_resumed_run_reports_where_it_resumes(place, tmp_path):
    def kill(row):
        if row.epoch == 2:
            raise KeyboardInterrupt

    examples = read_examples(read_cuts(place / "cuts.jsonl.gz"))
    recipe = read_recipe(place / "recipe.yaml").but({"epochs": 3})
    with pytest.raises(KeyboardInterrupt):
        train(make_split(examples), recipe, out=tmp_path / "out", progress=kill)

    again = command(place, tmp_path, "--recipe", place / "recipe.yaml", "--epochs", 3)

    assert again.exit_code == 0, again.stderr
    first, second, *_ = (line for line in again.stderr.splitlines() if "warning" not in line)
    assert "after epoch 2 of 3" in first
    assert second.startswith("emo2vec: epoch 3 of 3: loss ")


def test_a_finished_run_says_so(place, tmp_path):
    options = ("--recipe", place / "recipe.yaml", "--dev-speakers", "bob")
    command(place, tmp_path, *options)

    again = command(place, tmp_path, *options)
    other = command(place, tmp_path, *options, "--seed", 9)

    assert again.exit_code == 0, again.stderr
    assert_facts(again.stderr, tmp_path / "out", "complete")
    assert other.exit_code == 1
    assert_facts(other.stderr, tmp_path / "out", "recipe.seed", "0", "9")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_run_that_is_terminated_is_resumed(place, tmp_path, monkeypatch):
    def terminate(self, history, state):
        save(self, history, state)
        signal.raise_signal(signal.SIGTERM)

    save = Checkpoints.save
    options = ("--recipe", place / "recipe.yaml", "--epochs", 3)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", terminate)
        stopped = command(place, tmp_path, *options)
    left = {path.name for path in tmp_path.iterdir()}

    resumed = command(place, tmp_path, *options)

    assert stopped.exit_code == 143
    assert_facts(stopped.stderr, "repeat the command")
    assert left == {"out.training"}
    assert resumed.exit_code == 0, resumed.stderr
    assert_facts(resumed.stderr, "after epoch 1 of 3")
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_the_evaluation_on_development_turns_is_shown(place, tmp_path):
    result = command(
        place, tmp_path, "--recipe", place / "recipe.yaml", "--dev-speakers", "bob, dee"
    )

    assert result.exit_code == 0, result.stderr
    assert "development UA" in result.stderr
    assert "8 turns of 2 speakers" in result.stdout
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "2 speakers (ann, cem)" in card
    assert "cuts.jsonl.gz.\n" in card


def test_options_override_the_recipe(place, tmp_path):
    result = command(
        place,
        tmp_path,
        *("--recipe", place / "recipe.yaml", "--epochs", 1, "--seed", 4),
        *("--set", "noise=[15, 50]", "--set", "label-smoothing=0", "--quiet"),
    )

    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    for line in ("epochs: 1\n", "seed: 4\n", "label_smoothing: 0.0\n", "- 15.0\n"):
        assert line in card


def test_the_embedded_shape_has_a_filter_bank_by_default(place, tmp_path):
    for name, extra in (("banked", []), ("random", ["--set", "front_end=random"])):
        command(place, tmp_path / name, "--new", "tiny", "--epochs", 1, *extra)

    cards = [(tmp_path / name / "out" / "README.md").read_text() for name in ("banked", "random")]
    assert ["front_end: filter-bank\n" in card for card in cards] == [True, False]


@pytest.mark.parametrize(
    "options", [["--tune", "head"], ["--tune", "top", "--blocks", 1], ["--tune", "all"], []]
)
def test_only_tuning_the_head_caches_embeddings(place, tmp_path, options):
    result = command(
        place, tmp_path, "--model", place / "base", "--epochs", 1, "--device", "cpu", *options
    )

    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "cache").exists() == (options in ([], ["--tune", "head"]))


def test_a_new_network_has_the_shape_of_a_file(place, tmp_path):
    result = command(place, tmp_path, "--new", place / "config.yaml", "--epochs", 1)

    assert result.exit_code == 0, result.stderr
    assert load_model(tmp_path / "out", device="cpu").width == 16


def test_notes_and_the_label_map_are_in_the_card(place, tmp_path):
    (tmp_path / "notes.md").write_text("Tones of four people.\n")
    (tmp_path / "map.yaml").write_text("happy: surprised\n")
    result = command(
        place,
        tmp_path,
        *("--recipe", place / "recipe.yaml", "--card-notes", tmp_path / "notes.md"),
        *("--label-map", tmp_path / "map.yaml", "--title", "Tones", "--epochs", 1),
    )

    assert result.exit_code == 0, result.stderr
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert card.startswith("# Tones\n")
    assert "Tones of four people." in card
    assert "- Classes: sad, surprised." in card
    assert "happy mapped to surprised" in card


def test_leaving_one_speaker_out_shows_a_table(place, tmp_path):
    options = ("--recipe", place / "recipe.yaml", "--epochs", 1, "--leave-one-out", "speaker")

    result = command(place, tmp_path, *options)

    assert result.exit_code == 0, result.stderr
    assert result.stdout == (tmp_path / "out" / "cross-validation.md").read_text()
    assert "| dee | 4 |" in result.stdout
    assert "speaker dee" in result.stderr


@pytest.mark.parametrize("way", [("--dev-speakers", "ann"), ("--leave-one-out", "speaker")])
def test_more_turns_are_for_training_only(place, tmp_path, way):
    more = manifest(tmp_path / "more.jsonl", corpus(tmp_path / "more", speakers=("eve",)))
    options = ("--recipe", place / "recipe.yaml", "--epochs", 1, "--also", more)

    result = command(place, tmp_path, *options, *way)

    assert result.exit_code == 0, result.stderr
    if way[0] == "--dev-speakers":
        card = (tmp_path / "out" / "README.md").read_text("utf-8")
        assert_facts(card, "for training only, also more.jsonl.", "(bob, cem, dee, eve)")
    else:
        assert_facts(result.stdout, "| dee | 4 |")
        assert "| eve |" not in result.stdout


def test_turns_of_more_cuts_have_ids_of_their_own(place, tmp_path):
    more = manifest(tmp_path / "more.jsonl", corpus(tmp_path / "more", speakers=("ann",)))

    result = command(place, tmp_path, "--new", "tiny", "--check", "--also", more)

    assert "ann-happy-0#2" in result.stdout


def test_notes_that_say_twice_how_far_to_trust_the_model_are_named(place, tmp_path):
    notes = tmp_path / "notes.md"
    notes.write_text("**Trust:** much\n**Trust:** little\n")

    result = command(place, tmp_path, "--new", "tiny", "--card-notes", notes)

    assert result.exit_code == 1
    assert_facts(result.stderr, notes, "**Trust:**", "got 2")


@pytest.mark.parametrize(
    ("options", "status", "facts"),
    [
        (["--tune", "all", "--new", "tiny"], 2, ["--tune", "--new"]),
        (["--new", "tiny", "--model", "tiny"], 2, ["--model", "new network"]),
        (["--blocks", 2], 2, ["--blocks", "--tune top"]),
        (
            ["--leave-one-out", "speaker", "--dev-share", 0.2],
            2,
            ["--dev-share", "--leave-one-out"],
        ),
        (["--leave-one-out", "speaker", "--title", "T"], 2, ["--title", "--leave-one-out"]),
        (["--leave-one-out", ""], 2, ["--leave-one-out", "empty"]),
        (["--group", ""], 2, ["--group", "empty"]),
        (["--leave-one-out", "corpus", "--group", "speaker"], 2, ["--group", "--leave-one-out"]),
        (
            ["--new", "tiny", "--leave-one-out", "corpus"],
            1,
            ["16 of 16", "no corpus", "ann-happy-0"],
        ),
        (["--new", "tiny", "--group", "corpus", "--dev-share", 0.5], 1, ["16 of 16", "no corpus"]),
        (["--set", "epochs"], 2, ["FIELD=VALUE", "got 'epochs'"]),
        (["--set", "epoch=3"], 1, ["epoch (", "'epochs'", "tune, blocks"]),
        (["--new", "none.yaml"], 1, ["none.yaml: "]),
        (["--new", "tiny", "--dev-speakers", "eve"], 1, ["speaker eve", "ann, bob"]),
        (["--new", "tiny", "--patience", 2], 1, ["--patience", "--dev-share"]),
        (
            ["--new", "tiny", "--dev-share", 0.2, "--dev-speakers", "ann"],
            1,
            ["(--dev)", "(--dev-speakers)", "(--dev-share)"],
        ),
        (["--recipe", "none.yaml"], 1, ["none.yaml: No such file or directory"]),
        (["--model", "fake"], 1, ["fake", "trained", "weights"]),
    ],
)
def test_mistakes_are_reported(place, tmp_path, options, status, facts):
    result = command(place, tmp_path, *options)

    assert result.exit_code == status
    for fact in facts:
        assert fact in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_an_error_names_speakers_in_both_sets(place, tmp_path):
    result = command(
        place, tmp_path, "--recipe", place / "recipe.yaml", "--dev", place / "cuts.jsonl.gz"
    )

    assert result.exit_code == 1
    assert "training and development: ann, bob, cem, dee" in result.stderr


def test_missing_labels_are_an_error_unless_skipped(place, tmp_path):
    bare = cut(tmp_path, "bare", tone(200), speaker="ann", emotion=None)
    path = manifest(tmp_path / "cuts.jsonl", [*corpus(tmp_path / "wav"), bare])
    options = ["--output", tmp_path / "out", "--recipe", place / "recipe.yaml"]

    refused = run("train", path, *options).stderr
    assert "1 of 17 supervisions" in refused
    assert all(option in refused for option in ("--field", "--skip-unlabelled"))
    skipped = run("train", path, *options, "--skip-unlabelled")
    assert skipped.exit_code == 0
    assert f"{path}: not used: 1 " in skipped.stderr
    assert "- Not used: 1 " in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_turns_left_out_by_the_label_map_are_counted(place, tmp_path):
    odd = cut(tmp_path, "odd", tone(200), speaker="ann", emotion="bored")
    path = manifest(tmp_path / "cuts.jsonl", [*corpus(tmp_path / "wav"), odd])
    (tmp_path / "map.yaml").write_text("bored: null\n")
    options = ["--recipe", place / "recipe.yaml", "--label-map", tmp_path / "map.yaml"]

    result = run(
        "train", path, "--output", tmp_path / "out", *options, "--leave-one-out", "speaker"
    )

    assert result.exit_code == 0, result.stderr
    (line,) = (line for line in result.stderr.splitlines() if str(path) in line)
    for fact in ("not used: 1 ", "label map"):
        assert fact in line


def test_an_error_names_the_extra_of_a_missing_library(place, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)

    result = command(place, tmp_path, "--new", "tiny")

    assert result.exit_code == 1
    assert "[train]" in result.stderr


def test_help_loads_no_heavy_library():
    code = (
        "import sys; from emo2vec_plugins.training.train_command import train_command; "
        "print(sorted({'torch', 'lhotse', 'sklearn', 'matplotlib'} & sys.modules.keys()))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


@pytest.mark.parametrize(
    ("key", "value", "facts"),
    [
        ("speaker", None, ["ann-sad-0", "speaker", "separate by recording"]),
        ("custom", {}, ["ann-sad-0", "emotion"]),
        ("custom", {"emotion": "cheerful"}, ["cheerful", "happy"]),
        ("custom", {"emotion": [1]}, ["ann-sad-0", "[1]"]),
        ("recording_id", [1], ["line 3", "recording_id", "[1]"]),
    ],
)
@pytest.mark.parametrize("way", [("--dev-speakers", "dee"), ("--leave-one-out", "speaker")])
def test_a_manifest_with_unusable_turns_is_named(place, tmp_path, key, value, facts, way):
    path = tmp_path / "odd.jsonl"
    cuts = [cut.to_dict() for cut in read_cuts(place / "cuts.jsonl.gz")]
    cuts[2]["supervisions"][0][key] = value
    path.write_text("".join(f"{json.dumps(cut)}\n" for cut in cuts), "utf-8")

    found = run("train", path, "--new", place / "config.yaml", "-o", tmp_path / "out", *way)

    assert found.exit_code == 1
    assert_facts(found.stderr, path, *facts)
    assert not (tmp_path / "out").exists()
