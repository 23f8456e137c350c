"""Altered copies of speech: every turn under every condition, with its labels."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest
import soundfile
from support.facts import assert_facts
from support.paths import ROOT
from support.training import corpus, manifest

from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.integrations.lhotse import read_cuts
from emo2vec_plugins.training import Recipe

PATH = ROOT / "examples" / "conditions" / "make.py"
spec = importlib.util.spec_from_file_location("conditions_make", PATH)
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)


@pytest.fixture
def cuts(tmp_path):
    return manifest(tmp_path / "cuts.jsonl", corpus(tmp_path / "wav", speakers=("ann",), each=1))


def conditions(tmp_path, text):
    path = tmp_path / "conditions.yaml"
    path.write_text(text)
    return path


def test_every_turn_is_written_under_every_condition(cuts, tmp_path, capsys):
    given = conditions(
        tmp_path,
        "clean: {}\nbabble: {babble: [0, 0]}\nshort: {crop: [0.01, 0.01], crop_seconds: 0.1}\n"
        "Opus: {codecs: [opus-8]}\nMP3: {codecs: [mp3-16]}\n",
    )
    out = tmp_path / "out"

    make.main([str(cuts), str(out), "--conditions", str(given)])

    assert_facts(capsys.readouterr().out, "2 turns under 5 conditions", out / "cuts.jsonl")
    found = [cut.supervisions[0] for cut in read_cuts(out / "cuts.jsonl")]
    names = ("clean", "babble", "short", "Opus", "MP3")
    assert [(turn.custom["condition"], turn.custom["emotion"]) for turn in found] == [
        (name, emotion) for emotion in ("happy", "sad") for name in names
    ]
    assert {turn.speaker for turn in found} == {"ann"}
    assert [turn.duration for turn in found[:3]] == [0.2, 0.2, 0.1]
    original, _ = soundfile.read(tmp_path / "wav" / "ann-happy-0.wav", dtype="float32")
    clean, rate = soundfile.read(out / "condition-0" / "000000.wav", dtype="float32")
    noisy, _ = soundfile.read(out / "condition-1" / "000000.wav", dtype="float32")
    assert rate == 16_000
    assert (clean == original).all()
    assert (noisy != original).any()


def test_copies_are_the_same_each_time(cuts, tmp_path):
    given = conditions(tmp_path, "noise: {noise: [10, 10]}\n")
    for name in ("one", "two"):
        make.main([str(cuts), str(tmp_path / name), "--conditions", str(given)])
    paths = [tmp_path / name / "condition-0" / "000001.wav" for name in ("one", "two")]
    one, two = (soundfile.read(path)[0] for path in paths)

    assert (one == two).all()


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("loud: {gian: [1, 1]}\n", ["'loud'", "gian", "gain"]),
        ("loud: 3\n", ["'loud'", "got 3"]),
        ("- loud\n", ["mapping"]),
        ("{}\n", ["at least one"]),
        ("1: {}\n'1': {noise: [10, 10]}\n", ["found 1", "quotes"]),
        ("a: {}\na: {noise: [10, 10]}\n", ["line 2", "'a'", "twice"]),
        ("a: {epochs: 3}\n", ["'a'", "epochs", "no sound"]),
        ("a: {noise: [10, 10], votes: votes}\n", ["'a'", "votes", "no sound"]),
        ("a: {sounds_snr: [10, 10]}\n", ["'a'", "sounds_snr", "without effect"]),
        ("a: {masks: 0}\n", ["'a'", "masks", "no sound"]),
    ],
)
def test_an_unusable_condition_is_named(cuts, tmp_path, text, facts):
    given = conditions(tmp_path, text)

    with pytest.raises(SystemExit) as error:
        make.main([str(cuts), str(tmp_path / "out"), "--conditions", str(given)])

    assert_facts(str(error.value), given, *facts)
    assert not (tmp_path / "out").exists()


def test_a_pipe_is_not_waited_for(cuts, tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")

    with pytest.raises(SystemExit, match="YAML file"):
        make.main([str(cuts), str(tmp_path / "out"), "--conditions", str(tmp_path / "pipe.yaml")])


def test_an_error_leaves_nothing(cuts, tmp_path):
    (tmp_path / "wav" / "ann-sad-0.wav").unlink()  # the second of two turns
    before = sorted(tmp_path.iterdir())

    with pytest.raises(SystemExit, match="ann-sad-0"):
        make.main([str(cuts), str(tmp_path / "out")])

    assert sorted(tmp_path.iterdir()) == before


def test_turns_without_a_label_are_counted(tmp_path, capsys):
    turns = corpus(tmp_path / "wav", speakers=("ann",), each=1)
    turns[0].supervisions[0].custom = None
    given = conditions(tmp_path, "clean: {}\n")
    make.main(
        [
            str(manifest(tmp_path / "cuts.jsonl", turns)),
            *(str(tmp_path / "out"), "--conditions", str(given)),
        ]
    )

    assert_facts(capsys.readouterr().out, "wrote 1 turn ", "left out 1 turn", "unlabelled")


def test_a_field_of_the_same_name_is_not_replaced(tmp_path):
    turns = corpus(tmp_path / "wav", speakers=("ann",), each=1)
    turns[1].supervisions[0].custom["condition"] = "mine"
    path = manifest(tmp_path / "cuts.jsonl", turns)

    with pytest.raises(SystemExit) as error:
        make.main([str(path), str(tmp_path / "out")])

    assert_facts(str(error.value), path, repr(turns[1].supervisions[0].id), "'condition'", "rename")


def test_sounds_are_looked_for_beside_the_conditions(cuts, tmp_path):
    sounds = tmp_path / "elsewhere" / "sounds"
    corpus(sounds, speakers=("door",), each=1)
    (tmp_path / "elsewhere" / "conditions.yaml").write_text(
        "doors: {sounds: sounds, sounds_snr: [0, 0]}\n"
    )
    given = tmp_path / "elsewhere" / "conditions.yaml"
    make.main([str(cuts), str(tmp_path / "out"), "--conditions", str(given)])

    assert len(read_cuts(tmp_path / "out" / "cuts.jsonl")) == 2


def test_babble_has_other_turns_only(cuts):
    examples = make.read_turns(cuts, None)[0]
    others = make.OtherTurns(examples)
    for others.altered, other in ((0, 1), (1, 0)):
        drawn = others(np.random.default_rng(0), 16)
        assert np.isin(drawn, examples[other].read()).all()

    with pytest.raises(OptionsError, match="two turns"):
        make.OtherTurns(examples[:1])(np.random.default_rng(0), 16)


def test_an_existing_folder_is_left_alone(cuts, tmp_path):
    with pytest.raises(SystemExit, match="exists"):
        make.main([str(cuts), str(tmp_path)])


def test_the_conditions_of_the_project_are_recipes():
    from emo2vec_plugins.files import from_yaml

    given = from_yaml(make.CONDITIONS.read_text("utf-8"), where="conditions")

    for name, fields in given.items():
        recipe = Recipe.from_dict({"tune": "new", **fields})
        assert bool(recipe.augments) == (name != "clean")
