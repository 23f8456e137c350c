"""What makes a training impossible is found before features are computed, and by ``--check``."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import soundfile
from support.cli_runner import run
from support.facts import assert_facts
from support.training import CPU, corpus, manifest, small_config, tone

from emo2vec_plugins.errors import Emo2vecError, TrainingError
from emo2vec_plugins.training.crossvalidate import cross_validate
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.run import train
from emo2vec_plugins.training.split import Split

pytestmark = pytest.mark.usefixtures("one_thread")

SHARES = {"one": 0.5, "two": 0.3, "bursts": 0.2}


def of_corpus(cuts, name, **labels):
    """Return cuts of a corpus with other labels, and speakers of its own."""
    for each in cuts:
        (turn,) = each.supervisions
        turn.speaker = f"{name}_{turn.speaker}"
        turn.custom |= {"corpus": name, "emotion": labels.get(turn.emotion, turn.emotion)}
    return cuts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def cuts(folder):
    """Return two corpora of happy and sad speech, and bursts that are angry or fearful."""
    speech = [
        of_corpus(corpus(folder / name, speakers=("ann", "bob"), each=1), name)
        for name in ("one", "two")
    ]
    bursts = corpus(folder / "bursts", speakers=("cem", "dee"), each=2)
    return [*speech[0], *speech[1], *of_corpus(bursts, "bursts", happy="angry", sad="fearful")]


@pytest.fixture(scope="module")
def path(folder, cuts):
    return manifest(folder / "cuts.jsonl", cuts)


@pytest.fixture(scope="module")
def examples(cuts):
    return read_examples(cuts)


@pytest.fixture(scope="module")
def recipe(folder):
    shape = small_config(folder / "config.yaml")
    changes = {"shares": SHARES, "own_head": ("bursts",)}
    return Recipe(tune="new", network=str(shape), epochs=1, batch_turns=4, **changes)


@pytest.mark.parametrize("group", ["speaker", "corpus"])
def test_a_corpus_with_its_own_head_is_never_left_out(group, examples, recipe, tmp_path):
    """Shares are for all corpora, also where one is left out."""
    found = cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU, group=group)

    assert not [name for name in found.folds if "bursts" in name]
    assert found.pooled.turns == 8
    assert set(found.pooled.labels) == {"happy", "sad"}


@pytest.mark.parametrize("way", [("--dev-share", 0.5), ("--leave-one-out", "corpus")])
def test_a_corpus_with_its_own_head_is_never_held_out_by_the_command(way, recipe, path, tmp_path):
    (tmp_path / "recipe.yaml").write_text(
        f"tune: new\nnetwork: {recipe.network}\nepochs: 1\nown_head: [bursts]\n"
    )

    result = run("train", path, "--recipe", tmp_path / "recipe.yaml", *way, "-o", tmp_path / "out")

    assert result.exit_code == 0, result.stderr
    assert "happy" in result.stdout
    assert not {"bursts", "angry", "fearful"} & {*result.stdout.replace("|", " ").split()}


def wrong(tmp_path):
    """Return settings that make a training impossible, by what an error says of them."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "rain.wav").write_bytes(b"no audio")
    return {
        "no turn is of calls": {"shares": {"calls": 0.1, "one": 0.5, "two": 0.2, "bursts": 0.2}},
        "none for two": {"shares": {"one": 0.9, "bursts": 0.1}},
        "turns of calls": {"own_head": ("bursts", "calls")},
        "custom field 'ballots'": {"votes": "ballots"},
        "number from 0": {"votes": "emotion"},
        "missing": {"sounds": str(tmp_path / "missing")},
        "rain.wav": {"sounds": str(tmp_path / "broken")},
        "none.yaml": {"network": "none.yaml"},
        "patience": {"patience": 1},
    }


NAMES = [
    *("no turn is of calls", "none for two", "turns of calls", "custom field 'ballots'"),
    *("number from 0", "missing", "rain.wav", "none.yaml", "patience"),
]


@pytest.mark.parametrize("fact", NAMES)
def test_training_and_its_check_refuse_the_same(fact, path, examples, recipe, tmp_path):
    bad = recipe.but(wrong(tmp_path)[fact])
    settings = [f"--set={name}={value}" for name, value in _as_yaml(bad)]

    with pytest.raises(Emo2vecError) as caught:
        train(Split(train=tuple(examples)), bad, out=tmp_path / "model", resources=CPU)
    with pytest.raises(Emo2vecError) as folds:
        cross_validate(examples, bad, out=tmp_path / "folds", resources=CPU, group="corpus")
    for options in ((), ("--leave-one-out", "corpus")):
        found = run("train", path, "--check", *settings, *options)
        assert found.exit_code == 1
        assert_facts(found.stdout, "error: ", fact)

    assert_facts(str(caught.value), fact)
    assert_facts(str(folds.value), fact)
    assert not [*tmp_path.glob("*.training")]


def _as_yaml(recipe):
    return [
        (name, str(value).replace("'", "").replace("None", "null"))
        for name, value in recipe.to_dict().items()
        if value != Recipe().to_dict()[name]
    ]


def test_the_check_lists_all_problems(path, recipe):
    settings = [f"--set={name}={value}" for name, value in _as_yaml(recipe.but({"patience": 3}))]

    found = run("train", path, "--check", *settings, "--set", "votes=ballots")

    assert_facts(found.stdout, "patience", "ballots", "2 errors")


def test_options_that_contradict_are_refused_by_the_check(path):
    for options in (["--dev-share", 0.2], ["--title", "x"]):
        found = run("train", path, "--check", "--leave-one-out", "speaker", *options)
        assert found.exit_code == 2
        assert_facts(found.stderr, options[0], "--leave-one-out")


def test_development_turns_with_a_label_of_another_head_only_are_an_error(
    examples, recipe, tmp_path
):
    dev = [replace(each, label="angry") for each in examples if each.speaker == "one_ann"]
    rest = [each for each in examples if each.speaker != "one_ann"]

    with pytest.raises(TrainingError) as caught:
        train(Split(train=tuple(rest), dev=tuple(dev)), recipe, out=tmp_path / "x", resources=CPU)
    assert_facts(str(caught.value), "angry", "happy, sad", "null")


def test_a_run_knows_the_sounds_but_not_where_they_are(examples, recipe, tmp_path):
    def trained(name):
        own = recipe.but({"sounds": str(tmp_path / name)})
        return train(Split(train=tuple(examples)), own, out=tmp_path / "out", resources=CPU)

    (tmp_path / "bank").mkdir()
    soundfile.write(tmp_path / "bank" / "rain.wav", tone(90.0), 16_000)
    trained("bank")
    (tmp_path / "bank").rename(tmp_path / "moved")

    assert trained("moved").was_finished
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "sounds: bank\n" in card
    assert str(tmp_path) not in card

    soundfile.write(tmp_path / "moved" / "rain.wav", tone(90.0, seconds=0.3), 16_000)
    with pytest.raises(Emo2vecError, match="sounds"):
        trained("moved")


@pytest.mark.skipif(os.name != "posix", reason="a pipe has a name on POSIX only")
def test_pipes_among_sounds_are_refused_at_once(path, tmp_path):
    os.mkfifo(tmp_path / "rain.wav")
    os.mkfifo(tmp_path / "cuts.jsonl")

    for bank in (tmp_path, tmp_path / "cuts.jsonl"):
        found = run("train", path, "--new", "tiny", "--set", f"sounds={bank}", "--check")
        assert found.exit_code == 1
        assert_facts(found.stdout, "sounds", "pipe")
