"""``emo2vec train`` from a shell: what is asked for is trained, and mistakes are skipped."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.cli_runner import run
from support.training import corpus, cut, manifest, small_config, small_model, tone

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.integrations.lhotse import read_cuts
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
    assert (
        "out: trained on 16 turns for 2 epochs; the weights are those of epoch 2" in result.stderr
    )
    assert result.stdout == ""
    assert set(predict(tmp_path / "out", place / "wav" / "ann-sad-0.wav").scores) == {
        "happy",
        "sad",
    }


def test_a_run_that_was_killed_says_where_it_goes_on(place, tmp_path):
    def kill(row):
        if row.epoch == 2:
            raise KeyboardInterrupt

    examples = read_examples(read_cuts(place / "cuts.jsonl.gz"))
    recipe = read_recipe(place / "recipe.yaml").but({"epochs": 3})
    with pytest.raises(KeyboardInterrupt):
        train(make_split(examples), recipe, out=tmp_path / "out", progress=kill)

    again = command(place, tmp_path, "--recipe", place / "recipe.yaml", "--epochs", 3)

    assert again.exit_code == 0, again.stderr
    first, second, *_ = again.stderr.splitlines()
    assert first == "emo2vec: goes on after epoch 2 of 3"
    assert second.startswith("emo2vec: epoch 3 of 3: loss ")


def test_development_turns_are_judged_and_shown(place, tmp_path):
    result = command(
        place, tmp_path, "--recipe", place / "recipe.yaml", "--dev-speakers", "bob, dee"
    )

    assert result.exit_code == 0, result.stderr
    assert "development UA" in result.stderr
    assert "8 turns of 2 speakers" in result.stdout
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "2 speakers (ann, cem)" in card
    assert "- From: cuts.jsonl.gz." in card


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


def test_the_embedded_shape_hears_by_a_filter_bank_unless_told_otherwise(place, tmp_path):
    for name, extra in (("banked", []), ("random", ["--set", "front_end=random"])):
        command(place, tmp_path / name, "--new", "tiny", "--epochs", 1, *extra)

    cards = [(tmp_path / name / "out" / "README.md").read_text() for name in ("banked", "random")]
    assert ["front_end: filter-bank\n" in card for card in cards] == [True, False]


@pytest.mark.parametrize(
    "options", [["--tune", "head"], ["--tune", "top", "--blocks", 1], ["--tune", "all"], []]
)
def test_a_model_is_tuned_as_asked(place, tmp_path, options):
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
    assert "- Labels: happy is surprised." in card


def test_leaving_out_one_speaker_at_a_time_shows_a_table(place, tmp_path):
    result = command(
        place, tmp_path, "--recipe", place / "recipe.yaml", "--epochs", 1, "--leave-one-speaker-out"
    )

    assert result.exit_code == 0, result.stderr
    assert result.stdout == (tmp_path / "out" / "cross-validation.md").read_text()
    assert "| dee | 4 |" in result.stdout
    assert "speaker dee is judged" in result.stderr


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--tune", "all", "--new", "tiny"], 2, "--tune is for a model that is there"),
        (["--new", "tiny", "--model", "tiny"], 2, "--model is for --tune"),
        (["--blocks", 2], 2, "--blocks is for --tune top"),
        (["--leave-one-speaker-out", "--dev-share", 0.2], 2, "judges by who is left out"),
        (["--leave-one-speaker-out", "--title", "T"], 2, "makes a table: there is no card"),
        (["--set", "epochs"], 2, "a setting is FIELD=VALUE, got 'epochs'"),
        (["--set", "epoch=3"], 1, "a recipe has no epoch (is epochs meant?); it has tune, "),
        (["--new", "none.yaml"], 1, "none.yaml: "),
        (["--new", "tiny", "--dev-speakers", "eve"], 1, "there is no speaker eve"),
        (
            ["--new", "tiny", "--patience", 2],
            1,
            "hold some out (--dev, --dev-speakers or --dev-share)",
        ),
        (
            ["--new", "tiny", "--dev-share", 0.2, "--dev-speakers", "ann"],
            1,
            "(--dev), or these speakers (--dev-speakers), or a share (--dev-share): give one",
        ),
        (["--recipe", "none.yaml"], 1, "none.yaml: No such file or directory"),
        (["--model", "fake"], 1, "fake cannot be trained: its weights are not at hand"),
    ],
)
def test_mistakes_are_reported(place, tmp_path, options, status, message):
    result = command(place, tmp_path, *options)

    assert result.exit_code == status
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_a_speaker_on_both_sides_is_named(place, tmp_path):
    result = command(
        place, tmp_path, "--recipe", place / "recipe.yaml", "--dev", place / "cuts.jsonl.gz"
    )

    assert result.exit_code == 1
    assert "speakers are in training and in development: ann, bob, cem, dee" in result.stderr


def test_labels_that_are_missing_are_an_error_unless_skipped(place, tmp_path):
    bare = cut(tmp_path, "bare", tone(200), speaker="ann", emotion=None)
    path = manifest(tmp_path / "cuts.jsonl", [*corpus(tmp_path / "wav"), bare])
    options = ["--output", tmp_path / "out", "--recipe", place / "recipe.yaml"]

    refused = run("train", path, *options).stderr
    assert "1 of 17 supervisions have no label" in refused
    assert all(option in refused for option in ("--field", "--skip-unlabelled"))
    skipped = run("train", path, *options, "--skip-unlabelled")
    assert skipped.exit_code == 0
    assert f"emo2vec: {path}: not used: 1 without a label\n" in skipped.stderr
    assert "- Not used: 1 without a label." in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_turns_that_the_label_map_leaves_out_are_counted(place, tmp_path):
    odd = cut(tmp_path, "odd", tone(200), speaker="ann", emotion="bored")
    path = manifest(tmp_path / "cuts.jsonl", [*corpus(tmp_path / "wav"), odd])
    (tmp_path / "map.yaml").write_text("bored: null\n")
    options = ["--recipe", place / "recipe.yaml", "--label-map", tmp_path / "map.yaml"]

    result = run("train", path, "--output", tmp_path / "out", *options, "--leave-one-speaker-out")

    assert result.exit_code == 0, result.stderr
    assert f"emo2vec: {path}: not used: 1 left out by the label map\n" in result.stderr


def test_libraries_that_are_missing_are_named_with_the_extra(place, tmp_path, monkeypatch):
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
