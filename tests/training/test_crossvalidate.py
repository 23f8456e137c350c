"""Each model is evaluated on the speaker, or the corpus, that is missing from its training data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.facts import assert_facts
from support.training import corpus, small_config, small_model

from emo2vec_plugins import load_model
from emo2vec_plugins.errors import (
    CheckpointError,
    Emo2vecWarning,
    OptionsError,
    ResumeError,
    TrainingError,
)
from emo2vec_plugins.training.crossvalidate import cross_validate
from emo2vec_plugins.training.examples import read_examples
from emo2vec_plugins.training.fit import Resources
from emo2vec_plugins.training.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = Resources(device="cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def examples(folder):
    return read_examples(corpus(folder / "wav", speakers=("ann", "bob", "cem")))


@pytest.fixture(scope="module")
def recipe(folder):
    shape = small_config(folder / "config.yaml")
    return Recipe(tune="new", network=str(shape), epochs=2, learning_rate=0.01, batch_turns=4)


@pytest.fixture(scope="module")
def result(examples, recipe, folder):
    return cross_validate(examples, recipe, out=folder / "out", resources=CPU)


def test_every_speaker_is_left_out_once(result):
    assert list(result.folds) == ["ann", "bob", "cem"]
    assert [fold.turns for fold in result.folds.values()] == [4, 4, 4]
    assert result.pooled.turns == 12
    assert result.pooled.resample_by == "speaker"


def test_the_table_has_speakers_their_mean_and_all_turns(result, folder):
    recalls = [fold.ua.value for fold in result.folds.values()]
    table = (folder / "out" / "cross-validation.md").read_text()

    assert result.mean_ua == pytest.approx(sum(recalls) / 3)
    assert f"| ann | 4 | {100 * recalls[0]:.1f} |" in table
    ece = result.folds["ann"].calibration.before.ece
    assert f"| {ece:.3f} |\n| bob |" in table
    assert f"Mean UA **{result.mean_ua:.1%}**, standard deviation {result.std_ua:.1%}" in table
    assert r"true \ predicted" in table
    for fact in ("2 epochs", "seed 0", "emo2vec-plugins ", "cross-validation.json"):
        assert fact in table


def test_the_table_warns_that_the_training_data_of_the_base_model_are_not_known(result):
    tuned = replace(result, base="large").table()

    assert "not known" not in result.table()
    for fact in ("from large", "not known", "may include each speaker", "a recipe"):
        assert fact in tuned


def test_the_base_model_is_named(examples, tmp_path):
    resources = Resources(
        base=load_model(small_model(tmp_path / "base"), device="cpu"), device="cpu"
    )
    recipe = Recipe(tune="all", epochs=1, batch_turns=4)

    result = cross_validate(examples, recipe, out=tmp_path / "out", resources=resources)

    assert result.base == "base"


def test_the_folder_has_all_numbers_and_every_turn(result, folder):
    document = json.loads((folder / "out" / "cross-validation.json").read_text())
    lines = (folder / "out" / "predictions.jsonl").read_text().splitlines()

    assert document["mean_ua"] == result.mean_ua
    assert document["folds"]["bob"]["turns"] == 4
    assert document["recipe"]["epochs"] == 2
    assert document["base"] is None
    assert [json.loads(line)["speaker"] for line in lines] == ["ann"] * 4 + ["bob"] * 4 + [
        "cem"
    ] * 4
    assert not (folder / "out.training").exists()


def test_pseudo_labels_are_used_for_training_only(examples, recipe, tmp_path):
    given = [
        replace(e, is_pseudo=e.speaker == "cem" or (e.speaker == "bob" and e.id.endswith("-1")))
        for e in examples
    ]

    result = cross_validate(given, replace(recipe, epochs=1), out=tmp_path / "out", resources=CPU)

    assert {name: fold.turns for name, fold in result.folds.items()} == {"ann": 4, "bob": 2}


class Stopped(Exception):  # noqa: N818 - not an error
    pass


def test_completed_folds_are_not_trained_again(examples, recipe, result, tmp_path):
    def stop(name, epoch):
        if (name, epoch) == ("bob", None):
            raise Stopped

    with pytest.raises(Stopped):
        cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU, progress=stop)
    trained = []

    again = cross_validate(
        examples,
        recipe,
        out=tmp_path / "out",
        resources=CPU,
        progress=lambda name, epoch: epoch and trained.append((name, epoch.epoch)),
    )

    assert trained == [("cem", 1), ("cem", 2)]
    assert again == result


def test_a_killed_fold_resumes(examples, recipe, result, tmp_path):
    def stop(name, epoch):
        if name == "bob" and epoch and epoch.epoch == 1:
            raise Stopped

    with pytest.raises(Stopped):
        cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU, progress=stop)

    assert cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU) == result


@pytest.mark.parametrize("place", [0.01, 0.5, 0.99, None])
def test_a_damaged_fold_is_trained_again(examples, recipe, result, tmp_path, place):
    def stop(name, epoch):
        if (name, epoch) == ("bob", None):
            raise Stopped

    with pytest.raises(Stopped):
        cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU, progress=stop)
    path = tmp_path / "out.training" / "fold-0" / "predictions.journal"
    data = bytearray(path.read_bytes())
    if place is None:
        del data[len(data) // 2 :]
    else:
        data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    trained = []

    with pytest.warns(Emo2vecWarning) as issued:
        again = cross_validate(
            examples,
            recipe,
            out=tmp_path / "out",
            resources=CPU,
            progress=lambda name, epoch: epoch and trained.append((name, epoch.epoch)),
        )

    assert_facts(str(issued[0].message), path, "damaged")
    assert trained == [("ann", 1), ("ann", 2), ("cem", 1), ("cem", 2)]
    assert again == result


def test_a_finished_run_without_predictions_is_done_again(examples, recipe, result, tmp_path):
    cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU)
    path = tmp_path / "out" / "predictions.jsonl"
    path.unlink()

    with pytest.warns(Emo2vecWarning, match=r"predictions\.jsonl"):
        again = cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU)

    assert again == result
    assert path.is_file()


def test_a_finished_run_with_changed_predictions_is_an_error(examples, recipe, tmp_path):
    cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU)
    path = tmp_path / "out" / "predictions.jsonl"
    path.write_text(path.read_text("utf-8").replace("happy", "sad"), "utf-8")

    with pytest.raises(CheckpointError, match=r"predictions\.jsonl"):
        cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU)


def test_folds_of_another_recipe_or_other_turns_are_rejected(examples, recipe, tmp_path):
    def stop(name, epoch):
        if epoch is None:
            raise Stopped

    with pytest.raises(Stopped):
        cross_validate(examples, recipe, out=tmp_path / "out", resources=CPU, progress=stop)

    with pytest.raises(
        ResumeError, match=r"recipe\.seed was 0, is now 1; .*remove .*out\.training"
    ):
        cross_validate(examples, replace(recipe, seed=1), out=tmp_path / "out", resources=CPU)
    with pytest.raises(ResumeError, match=r"differs: judged was "):
        cross_validate(examples[1:], recipe, out=tmp_path / "out", resources=CPU)


@pytest.mark.parametrize(
    ("kind", "change", "turns", "message"),
    [
        (OptionsError, {"patience": 2}, 12, "patience .*--patience"),
        (TrainingError, {}, 4, "one speaker out.* of ann$"),
    ],
)
def test_patience_and_a_single_speaker_are_errors(
    examples, recipe, tmp_path, kind, change, turns, message
):
    changed = replace(recipe, **change)

    with pytest.raises(kind, match=message):
        cross_validate(examples[:turns], changed, out=tmp_path / "out", resources=CPU)


def test_a_class_of_a_single_speaker_is_an_error_before_training(examples, recipe, tmp_path):
    odd = [replace(e, label="angry") if e.speaker == "cem" else e for e in examples]
    trained = []

    with pytest.raises(TrainingError, match=r"no training turn .*angry"):
        cross_validate(
            odd,
            recipe,
            out=tmp_path / "out",
            resources=CPU,
            progress=lambda *what: trained.append(what),
        )
    assert trained == []


def with_field(example, **custom):
    """Return an example whose supervision has more custom fields."""
    own = example.supervision
    changed = replace(own, custom={**own.custom, **custom})
    return replace(example, cut=replace(example.cut, supervisions=[changed]))


def of_corpora(examples, names):
    return [with_field(each, corpus=names[each.speaker]) for each in examples]


CORPORA = {"ann": "one", "bob": "two|b", "cem": "two|b"}


def test_a_corpus_is_left_out(examples, recipe, tmp_path):
    given = of_corpora(examples, CORPORA)
    settings = {"out": tmp_path / "out", "resources": CPU, "group": "corpus"}

    found = cross_validate(given, replace(recipe, epochs=1), **settings)

    assert {name: fold.turns for name, fold in found.folds.items()} == {"one": 4, "two|b": 8}
    groups = found.pooled.groups["corpus"]
    assert groups["two|b"].ua.value == found.folds["two|b"].ua.value
    assert found.pooled.resample_by == "corpus"
    table = (tmp_path / "out" / "cross-validation.md").read_text()
    assert_facts(table, "| corpus left out | turns |", r"| two\|b | 8 |", "recall % by corpus")
    assert cross_validate(given, replace(recipe, epochs=1), **settings) == found
    other = of_corpora(examples, {**CORPORA, "bob": "one"})
    with pytest.raises(ResumeError, match="groups"):
        cross_validate(other, replace(recipe, epochs=1), **settings)


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (
            lambda e: with_field(e, corpus=None if e.speaker == "cem" else e.speaker),
            ["4 of 12", "no corpus", "cem-"],
        ),
        (lambda e: with_field(e, corpus=e.label), ["corpus happy", "speaker", "ann, bob, cem"]),
        (
            lambda e: with_field(
                replace(e, label="angry" if e.speaker == "cem" else e.label), corpus=e.speaker
            ),
            ["without corpus cem", "no training turn is angry", "null"],
        ),
        (lambda e: with_field(e, corpus="all"), ["one corpus", "all"]),
    ],
)
def test_a_corpus_that_cannot_be_left_out_is_an_error_before_training(
    examples, recipe, tmp_path, change, facts
):
    trained = []

    with pytest.raises(TrainingError) as error:
        cross_validate(
            [change(each) for each in examples],
            recipe,
            out=tmp_path / "out",
            resources=CPU,
            group="corpus",
            progress=lambda *what: trained.append(what),
        )

    assert_facts(str(error.value), *facts)
    assert trained == []


def test_an_existing_folder_is_not_overwritten(examples, recipe, tmp_path):
    (tmp_path / "notes.txt").write_text("ours")

    with pytest.raises(CheckpointError, match="already exists"):
        cross_validate(examples, recipe, out=tmp_path, resources=CPU)


def test_a_finished_run_is_read(examples, recipe, result, folder):
    trained = []

    again = cross_validate(
        examples,
        recipe,
        out=folder / "out",
        resources=CPU,
        progress=lambda *row: trained.append(row),
    )

    assert again.table() == result.table()
    assert trained == []
    with pytest.raises(ResumeError, match=r"out.*recipe\.seed"):
        cross_validate(examples, replace(recipe, seed=7), out=folder / "out", resources=CPU)
