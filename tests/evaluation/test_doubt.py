"""Fitting a measure of doubt, its test on other turns, and the copy of a model that has it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from support.facts import assert_facts
from support.labelled_cuts import labelled_cut
from support.reference import CONVOLUTIONS, TOKENS, save_reference

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.errors import OptionsError, TrainingError
from emo2vec_plugins.evaluation.calibration import calibrate, card_section, fit
from emo2vec_plugins.evaluation.doubt import Evidence, cloud_of, cross_validated, fit_doubt
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.reading import Truth
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.models.doubt import DOUBT
from emo2vec_plugins.testing import sample_conversation

WIDTH, CLASSES = 12, 4
NAMES = ("angry", "happy", "neutral", "sad")


def evidence(count=400, *, seed=0, groups=10, far=0.0):
    """Return turns whose labels are drawn from their scores; a share of *far* lies apart, and is wrong."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(CLASSES), size=count)
    answer = probabilities.argmax(axis=1)
    truth = np.array([random.choice(CLASSES, p=row) for row in probabilities])
    embeddings = np.eye(CLASSES, WIDTH)[answer] * 5 + random.standard_normal((count, WIDTH))
    is_far = random.random(count) < far
    embeddings[is_far] *= 6
    truth[is_far] = (answer[is_far] + 1) % CLASSES
    return Evidence(
        embeddings=embeddings,
        probabilities=probabilities,
        truth=truth,
        answer=answer,
        groups=random.integers(groups, size=count),
        labels=NAMES,
    )


def doubts(measure, given):
    return measure.of(given.certainty(1.0), measure.cloud.distance(given.embeddings))


def test_a_doubt_is_the_share_of_wrong_labels():
    measure = fit_doubt(evidence(2000), temperature=1.0, coverage=0.8)
    new = evidence(2000, seed=1)

    found = doubts(measure, new)

    for low, high in ((0.0, 0.3), (0.3, 0.5), (0.5, 1.0)):
        chosen = (found >= low) & (found < high)
        assert found[chosen].mean() == pytest.approx(new.wrong[chosen].mean(), abs=0.06)


def test_the_threshold_keeps_the_share_of_new_turns():
    measure = fit_doubt(evidence(2000), temperature=1.0, coverage=0.7)

    kept = doubts(measure, evidence(2000, seed=1)) <= measure.threshold

    assert kept.mean() == pytest.approx(0.7, abs=0.05)


def test_turns_that_lie_apart_are_doubted_more():
    plain = evidence(800)
    measure = fit_doubt(plain, temperature=1.0, coverage=0.8)
    apart = replace(plain, embeddings=plain.embeddings * 6)
    taught = fit_doubt(evidence(800, far=0.3), temperature=1.0, coverage=0.8)

    assert (doubts(measure, apart) > doubts(measure, plain)).all()
    assert np.median(doubts(measure, apart)) > 1.5 * np.median(doubts(measure, plain))
    assert taught.distance > measure.distance


@pytest.mark.parametrize("seed", range(3))
def test_the_signs_hold_where_the_turns_say_the_opposite(seed):
    given = evidence(60, seed=seed)
    sure = given.certainty(1.0) > np.median(given.certainty(1.0))
    perverse = replace(given, truth=np.where(sure, (given.answer + 1) % CLASSES, given.answer))

    measure = fit_doubt(perverse, temperature=1.0, coverage=0.8)

    assert measure.certainty <= 0
    assert measure.distance >= 0


def test_a_few_turns_do_not_outweigh_what_scores_mean():
    given = evidence(12, groups=3)
    one_wrong = given.answer.copy()
    one_wrong[3] = (one_wrong[3] + 1) % CLASSES

    measure = fit_doubt(replace(given, truth=one_wrong), temperature=1.0, coverage=0.8)

    assert -3 < measure.certainty < 0
    assert abs(measure.bias) < 5


@pytest.mark.parametrize("count", [1, 3, 40])
@pytest.mark.parametrize("width", [1, 2, 64])
def test_distances_are_finite_for_any_number_of_turns(count, width):
    random = np.random.default_rng(0)
    embeddings = random.standard_normal((count, width))
    given = replace(evidence(count), embeddings=embeddings)

    for each in (given, replace(given, embeddings=np.ones((count, width)))):
        cloud = cloud_of(each)
        assert np.isfinite(cloud.distance(random.standard_normal((5, width)) * 1e6)).all()
        directions = cloud.directions
        np.testing.assert_allclose(directions @ directions.T, np.eye(len(directions)), atol=1e-9)


@pytest.mark.parametrize("answer", [[0] * 10 + [*range(1, 11)], [0, 1, 2, 3] * 5])
def test_the_spread_of_turns_does_not_depend_on_their_classes(answer):
    """The mean of few turns is near these turns, and one turn has no spread around its own."""

    def distance(answer):
        found = []
        for seed in range(20):
            random = np.random.default_rng(seed)
            embeddings = random.standard_normal((20, 30))
            given = replace(evidence(20), embeddings=embeddings, answer=np.array(answer))
            found.append(cloud_of(given).distance(random.standard_normal((100, 30))))
        return np.exp(np.median(found)) - 1

    assert distance(answer) == pytest.approx(distance([0] * 20), rel=0.1)


def test_classes_with_few_turns_share_a_mean():
    given = evidence(200)
    few = replace(given, answer=np.where(np.arange(200) < 4, given.answer, 0))

    cloud = cloud_of(few)

    overall = few.embeddings.mean(axis=0)
    assert len(cloud.means) == 2
    assert min(np.abs(mean - overall).max() for mean in cloud.means) < 1e-9


@pytest.mark.parametrize(("shift", "fact"), [(0, "none"), (1, "all")])
def test_only_right_or_only_wrong_labels_give_no_measure(shift, fact):
    given = evidence(30)

    with pytest.raises(TrainingError) as raised:
        fit_doubt(
            replace(given, truth=(given.answer + shift) % CLASSES), temperature=1.0, coverage=0.8
        )
    assert_facts(str(raised.value), "right and wrong", fact, "30 turns")


# The test on other turns.


def test_a_useful_doubt_lowers_the_risk_and_raises_recall():
    given = evidence(600)

    found = cross_validated(given, by="speaker", coverage=0.8)

    assert (found.by, found.turns, found.folds) == ("speaker", 600, 5)
    assert found.risk == pytest.approx(given.wrong.mean())
    assert found.risk_area < 0.8 * found.risk
    assert list(found.recalls) == [1.0, 0.9, 0.8, 0.7]
    assert found.recalls[0.7] > found.recalls[1.0] + 0.05
    assert found.withheld == pytest.approx(0.2, abs=0.06)


def test_a_label_that_is_always_doubted_does_not_raise_the_recall():
    given = evidence(600)
    sad = given.truth == 3
    # The others are right and sure, and all of these are called happy, but not surely.
    unsure = np.tile([0.25, 0.26, 0.25, 0.24], (600, 1))
    sure = 0.1 * given.probabilities + 0.9 * np.eye(CLASSES)[given.truth]
    hidden = replace(
        given,
        probabilities=np.where(sad[:, None], unsure, sure),
        answer=np.where(sad, 1, given.truth),
    )

    found = cross_validated(hidden, by="speaker", coverage=0.7)

    assert found.kept["sad"] < 0.1
    assert found.recalls[0.7] == pytest.approx(0.75)
    text = card_section(fit(predictions(hidden)), model="m", data="d")
    assert_facts(text, "true label", "| sad |", "recall of 0")


def test_the_groups_of_a_test_are_not_fitted_on():
    """A group that lies apart is far from the others, though not from all turns."""
    given = evidence(400, groups=4)
    apart = given.groups == 0
    embeddings = given.embeddings + 8.0 * apart[:, None]
    moved = replace(given, embeddings=embeddings)

    found = cross_validated(moved, by="corpus", coverage=0.8)

    assert found.folds == 4
    assert found.withheld > cross_validated(given, by="corpus", coverage=0.8).withheld + 0.03


# From predictions, and for a model.


def predictions(given, *, embeddings=True, **more):
    return [
        Prediction(
            id=str(row),
            truth=NAMES[given.truth[row]],
            label=NAMES[given.answer[row]],
            scores=dict(zip(NAMES, given.probabilities[row], strict=True)),
            duration=1.0,
            speaker=str(given.groups[row]),
            embedding=given.embeddings[row] if embeddings else None,
            **more,
        )
        for row in range(len(given.truth))
    ]


def test_the_measure_is_that_of_the_calibrated_scores():
    given = evidence(300)

    found = fit(predictions(given))

    expected = fit_doubt(given, temperature=found.temperature, coverage=0.8)
    assert found.doubt.test.by == "speaker"
    assert found.doubt.measure.certainty == pytest.approx(expected.certainty)
    text = card_section(found, model="m", data="d")
    recall = f"{100 * found.doubt.test.recalls[0.7]:.1f}"
    assert_facts(text, "## Doubt", DOUBT, f"{found.doubt.measure.threshold:.2g}", recall, "speaker")


@pytest.mark.parametrize("by", [None, "condition"])
def test_a_field_can_be_left_out(by):
    name = by or "corpus"
    halves = (predictions(evidence(100, seed=n), fields={name: str(n)}) for n in range(2))

    found = fit([each for half in halves for each in half], by=by)

    assert (found.doubt.test.by, found.doubt.test.folds) == (name, 2)


def test_without_embeddings_there_is_no_measure():
    found = fit(predictions(evidence(100), embeddings=False))

    assert found.doubt.measure is None
    assert_facts(card_section(found, model="m", data="d"), "no measure of doubt", "embeddings")


WIDE = Config(
    width=96, heads=6, prenet_depth=1, depth=1, conv_layers=CONVOLUTIONS, position_groups=4
)
"""The published layout with nine classes, but narrow."""


RATE = 16_000


def half_seconds():
    samples, _ = soundfile.read(sample_conversation()[0], dtype="float32", frames=30 * RATE)
    return samples[: len(samples) // 8000 * 8000].reshape(-1, 8000)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A calibrated copy of a random model, and the cuts of speech that it was calibrated on."""
    folder = tmp_path_factory.mktemp("calibrated")
    save_reference(folder / "model", WIDE, TOKENS)
    engine = Engine(load_model(folder / "model"), workers=0)
    random = np.random.default_rng(0)
    cuts = []
    for number, samples in enumerate(half_seconds()):
        path = folder / f"{number}.wav"
        soundfile.write(path, samples, RATE, subtype="FLOAT")
        (emotion,) = engine.score((samples, RATE))
        label = random.choice(list(emotion.scores), p=list(emotion.scores.values()))
        cuts.append(labelled_cut(path, label, seconds=0.5, speaker=str(number % 4)))
    out = folder / "out"
    found = calibrate(cuts, out, model=str(folder / "model"), data="speech", truth=Truth())
    return out, found, cuts


def test_a_calibrated_copy_gives_doubts_and_withholds_labels(calibrated):
    out, found, cuts = calibrated
    backend = load_model(out)
    clips = [cut.load_audio()[0] for cut in cuts]

    results = [Engine(backend, abstain=True, workers=0).score((each, RATE))[0] for each in clips]

    assert backend.doubt.threshold == pytest.approx(found.doubt.measure.threshold, rel=1e-5)
    assert all((each.doubt > backend.doubt.threshold) == each.withheld for each in results)
    [sure] = Engine(backend, abstain=results[0].doubt, workers=0).score((clips[0], RATE))
    [unsure] = Engine(backend, abstain=results[0].doubt / 2, workers=0).score((clips[0], RATE))
    assert (sure.withheld, unsure.withheld) == (False, True)
    assert_facts((out / "README.md").read_text(), "## Calibration", "## Doubt", "speaker")


def test_noise_and_silence_are_doubted_more_than_speech(calibrated, noise):
    out, _, cuts = calibrated
    engine = Engine(load_model(out), workers=0)
    speech = [engine.score((cut.load_audio()[0], RATE))[0].doubt for cut in cuts]

    for clip in (noise(8000), noise(16_000, seed=1), np.zeros(8000, np.float32)):
        assert engine.score((clip, RATE))[0].doubt > np.median(speech)


def test_a_copy_of_a_copy_has_its_own_measure(calibrated, tmp_path):
    out, _, cuts = calibrated

    calibrate(cuts, tmp_path / "again", model=str(out), data="x", truth=Truth(), coverage=0.5)

    first, second = (json.loads((each / DOUBT).read_text()) for each in (out, tmp_path / "again"))
    assert second["threshold"] < first["threshold"]
    card = (tmp_path / "again" / "README.md").read_text()
    assert [card.count(f"## {each}\n") for each in ("Calibration", "Doubt")] == [1, 1]
    assert f"above {second['threshold']:.2g} are withheld" in card


def test_a_corpus_that_is_no_text_matters_only_if_it_is_asked_for(calibrated, tmp_path):
    out, _, cuts = calibrated
    own = [cut.map_supervisions(lambda each: each) for cut in cuts]
    for cut in own:
        cut.supervisions[0].custom = {**cut.supervisions[0].custom, "corpus": ["x", "y"]}

    found = calibrate(own, tmp_path / "x", model=str(out), data="x", truth=Truth())

    assert found.doubt.test.by == "speaker"
    with pytest.raises(OptionsError, match="corpus"):
        calibrate(own, tmp_path / "y", model="no such model", data="x", truth=Truth(), by="corpus")


@pytest.mark.parametrize("coverage", [0.0, 1.0, float("nan")])
def test_a_coverage_that_is_no_share_is_refused(calibrated, tmp_path, coverage):
    out, _, cuts = calibrated

    with pytest.raises(OptionsError, match="coverage"):
        calibrate(cuts, tmp_path / "x", model=str(out), data="x", truth=Truth(), coverage=coverage)


@pytest.mark.parametrize(
    ("by", "facts"), [("corpsu", ("corpsu",)), ("recorder", ("recorder", "a"))]
)
def test_a_field_that_does_not_tell_turns_apart_is_refused(calibrated, tmp_path, by, facts):
    out, _, cuts = calibrated
    own = [cut.map_supervisions(lambda each: each) for cut in cuts]
    for cut in own:
        cut.supervisions[0].custom = {**cut.supervisions[0].custom, "recorder": "a"}

    with pytest.raises(OptionsError) as raised:
        calibrate(own, tmp_path / "x", model=str(out), data="x", truth=Truth(), by=by)
    assert_facts(str(raised.value), *facts)
