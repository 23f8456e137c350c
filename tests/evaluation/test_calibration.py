"""Fitting a temperature, and calibrated copies of models in several loaders."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from copy import deepcopy

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from support.labelled_cuts import cuts_like_predictions
from support.reference import SMALL, auto_model, random_reference, save_reference

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.errors import (
    CheckpointError,
    LabelError,
    ModelNotFoundError,
    OptionsError,
    TrainingError,
)
from emo2vec_plugins.evaluation.calibrated_folder import model_folder, save_calibrated
from emo2vec_plugins.evaluation.calibration import calibrate, card_section, fit
from emo2vec_plugins.evaluation.predictions import Prediction
from emo2vec_plugins.evaluation.reading import Truth, predict
from emo2vec_plugins.evaluation.reliability import cross_entropy, fit_temperature, scaled
from emo2vec_plugins.models.checkpoint import read_tensors, read_tokens, save_folder
from emo2vec_plugins.models.published import TINY

CLASSES = ("angry", "happy", "neutral", "sad")
TOKENS = ("生气/angry", "开心/happy", "中立/neutral", "难过/sad")


def drawn(count, sharpness, *, seed=0):
    """Return probabilities raised to a power, and classes drawn from the original ones."""
    generator = np.random.default_rng(seed)
    honest = generator.dirichlet(np.ones(4), size=count)
    truth = np.array([generator.choice(4, p=row) for row in honest])
    return softmax(np.log(honest) * sharpness, axis=1), truth


@settings(max_examples=25)
@given(sharpness=st.floats(0.2, 5.0), seed=st.integers(0, 100))
def test_a_power_of_the_scores_is_recovered(sharpness, seed):
    honest, truth = drawn(200, 1.0, seed=seed)
    sharp, _ = drawn(200, sharpness, seed=seed)

    assert fit_temperature(sharp, truth) == pytest.approx(
        sharpness * fit_temperature(honest, truth), rel=1e-3
    )


def test_the_temperature_has_the_least_loss():
    probabilities, truth = drawn(100, 3.0)

    best = fit_temperature(probabilities, truth)

    losses = [cross_entropy(scaled(probabilities, best * step), truth) for step in (0.97, 1, 1.03)]
    assert losses[1] == min(losses)


def test_scaling_is_a_division_of_logits():
    logits = np.array([[2.0, 0.0, -1.0], [0.5, 0.1, 9.0]])

    found = scaled(softmax(logits, axis=1), 2.5)

    np.testing.assert_allclose(found, softmax(logits / 2.5, axis=1), rtol=1e-12)


def test_a_probability_of_0_stays_0():
    assert scaled(np.array([[0.5, 0.5, 0.0]]), 7.0).tolist() == [[0.5, 0.5, 0.0]]


def test_only_correct_turns_give_no_temperature():
    probabilities = np.tile([[0.9, 0.1], [0.1, 0.9]], (10, 1))

    with pytest.raises(TrainingError, match=r"20 turns.*T = 0\.05.*correct"):
        fit_temperature(probabilities, np.tile([0, 1], 10))


def test_labels_unrelated_to_scores_give_no_temperature():
    probabilities = np.tile([[0.9, 0.1], [0.1, 0.9]], (10, 1))

    with pytest.raises(TrainingError, match=r"20 turns.*T = 20.*unrelated"):
        fit_temperature(probabilities, np.tile([1, 0], 10))


def test_few_turns_and_one_class_give_no_temperature():
    with pytest.raises(TrainingError, match=r"10 turns.*got 9"):
        fit_temperature(np.full((9, 2), 0.5), np.arange(9) % 2)
    with pytest.raises(TrainingError, match=r"two classes.*12 turns"):
        fit_temperature(np.full((12, 2), 0.5), np.zeros(12, dtype=int))


def test_turns_of_classes_without_a_score_do_not_count():
    probabilities, truth = drawn(60, 2.0)
    known = [
        Prediction(
            id=str(number),
            truth=CLASSES[true],
            label=CLASSES[row.argmax()],
            scores=dict(zip(CLASSES, row, strict=True)),
            duration=1.0,
            speaker=str(number % 3),
        )
        for number, (row, true) in enumerate(zip(probabilities, truth, strict=True))
    ]
    foreign = Prediction(
        id="x", truth="other", label="sad", scores={"angry": 0.1, "sad": 0.9}, duration=1.0
    )
    unscored = Prediction(id="y", truth="sad", label=None, duration=1.0)

    found = fit([*known, foreign, unscored])

    assert found.temperature == pytest.approx(fit_temperature(probabilities, truth))
    assert (found.turns, fit(known).speakers, found.speakers) == (60, 3, None)


def save_model(folder):
    tensors = random_reference(SMALL, 4).state_dict()
    save_folder(folder, config=SMALL, tensors=tensors, tokens=TOKENS, card="# A model\n")


@pytest.fixture
def model(tmp_path):
    """A folder with a random model, its card, and other files."""
    folder = tmp_path / "model"
    save_model(folder)
    (folder / "LICENSE").write_text("Do as you like.")
    (folder / "evaluation.json").write_text("{}")
    (folder / "other.onnx").write_bytes(b"the old head")
    (folder / "tokens.txt").write_text("\n".join(TOKENS), "utf-8")
    return folder


@pytest.fixture
def clip(noise):
    """A second of noise."""
    return noise(16000, seed=7)


def test_scores_are_those_of_divided_logits(model, tmp_path, clip):
    save_calibrated(model, tmp_path / "out", temperature=2.5, section="## Calibration\n")

    (before,) = Engine(load_model(model)).score((clip, 16000))
    (after,) = Engine(load_model(tmp_path / "out")).score((clip, 16000))

    logits = np.array(list(before.logits.values()))
    np.testing.assert_allclose(list(after.logits.values()), logits / 2.5, atol=1e-5)
    np.testing.assert_allclose(list(after.scores.values()), softmax(logits / 2.5), atol=1e-6)
    assert after.label == before.label


def test_frames_are_divided_and_embeddings_are_not(model, tmp_path, clip):
    save_calibrated(model, tmp_path / "out", temperature=0.4, section="")

    (before,) = Engine(load_model(model), granularity="frame").score((clip, 16000))
    (after,) = Engine(load_model(tmp_path / "out"), granularity="frame").score((clip, 16000))

    np.testing.assert_array_equal(after.frame_embeddings, before.frame_embeddings)
    np.testing.assert_array_equal(after.embedding, before.embedding)
    np.testing.assert_allclose(after.frame_logits, before.frame_logits / 0.4, rtol=1e-4, atol=1e-5)


def test_funasr_gives_the_calibrated_scores(model, tmp_path, clip):
    save_calibrated(model, tmp_path / "out", temperature=2.5, section="")
    (ours,) = Engine(load_model(tmp_path / "out")).score((clip, 16000))

    (theirs,) = auto_model(tmp_path / "out").generate(clip, fs=16000, granularity="utterance")

    assert theirs["labels"] == list(TOKENS)
    np.testing.assert_allclose(theirs["scores"], list(ours.scores.values()), atol=1e-4)


def test_the_rest_of_a_model_is_kept(model, tmp_path):
    save_calibrated(model, tmp_path / "new" / "out", temperature=2.0, section="## Calibration\n")
    out = tmp_path / "new" / "out"

    assert (out / "README.md").read_text() == "# A model\n\n## Calibration\n"
    assert (out / "LICENSE").read_text() == "Do as you like."
    assert not (out / "other.onnx").exists()
    assert not (out / "evaluation.json").exists()
    assert read_tokens(out / "tokens.txt") == TOKENS
    before, after = read_tensors(model / "model.pt"), read_tensors(out / "model.pt")
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"proj.weight", "proj.bias"}
    assert list(tmp_path.joinpath("new").iterdir()) == [out]


def test_rows_of_no_class_are_divided_too(tmp_path, clip):
    save_reference(tmp_path / "model", SMALL, ("unuse_0", "生气/angry", "难过/sad"))
    save_calibrated(tmp_path / "model", tmp_path / "out", temperature=3.0, section="")

    before = read_tensors(tmp_path / "model" / "model.pt")["proj.weight"]
    after = read_tensors(tmp_path / "out" / "model.pt")["proj.weight"]
    torch.testing.assert_close(after, before / 3.0)


def test_an_existing_folder_is_not_changed(model, tmp_path):
    (tmp_path / "out").mkdir()

    with pytest.raises(CheckpointError, match="out: already exists"):
        save_calibrated(model, tmp_path / "out", temperature=2.0, section="")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_model_without_a_head_is_refused(tmp_path):
    save_reference(tmp_path / "model", SMALL, ())

    with pytest.raises(CheckpointError, match=r"proj\.weight"):
        save_calibrated(tmp_path / "model", tmp_path / "out", temperature=2.0, section="")


def test_a_full_disk_leaves_nothing(model, tmp_path):
    """A limit on file sizes simulates a full disk."""
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from emo2vec_plugins.evaluation.calibrated_folder import save_calibrated\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n"
        "    save_calibrated(Path(sys.argv[1]), Path(sys.argv[2]), temperature=2.0, section='')\n"
        "except OSError as error:\n"
        "    print(error)\n"
    )
    target = tmp_path / "new" / "out"

    result = subprocess.run(
        [sys.executable, "-c", code, model, target],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
    )

    assert "File too large" in result.stdout
    assert not target.parent.exists()


def test_a_name_is_a_folder_or_is_refused(model, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert model_folder("tiny").path == TINY
    assert model_folder(str(model)).path == model
    assert model_folder(f"torch:{model}").path == model
    with pytest.raises(ModelNotFoundError, match="'funasr:somewhere'"):
        model_folder("funasr:somewhere")
    with pytest.raises(ModelNotFoundError, match="emotion2vec_plus_base"):
        model_folder("emotion2vec_plus_base")
    with pytest.raises(ModelNotFoundError, match="tyni"):
        model_folder("tyni")


@pytest.fixture(scope="module")
def predicted(tmp_path_factory, noise):
    folder = tmp_path_factory.mktemp("predicted")
    save_model(folder / "model")

    def write(name, samples, rate):
        soundfile.write(folder / name, samples, rate)
        return folder / name

    return cuts_like_predictions(folder / "model", write, noise, sharpness=1.5)


@pytest.fixture
def cuts(predicted):
    """Clips of four speakers, most of them labelled as the model predicts."""
    return deepcopy(predicted)


@pytest.mark.slow
def test_a_model_is_calibrated_on_cuts(model, cuts, tmp_path):
    out = tmp_path / "out"

    found = calibrate(cuts, out, model=str(model), data="noise.jsonl", truth=Truth())

    before = predict(cuts, truth=Truth(), score=Engine(load_model(model)))
    after = predict(cuts, truth=Truth(), score=Engine(load_model(out)))
    for old, new in zip(before, after, strict=True):
        logits = np.log(list(old.scores.values()))
        np.testing.assert_allclose(
            list(new.scores.values()), softmax(logits / found.temperature), atol=1e-5
        )
    assert fit(after).temperature == pytest.approx(1.0, abs=1e-3)
    card = (out / "README.md").read_text()
    assert card.startswith("# A model\n\n## Calibration\n\n")
    for fact in ("sha256", f"{found.temperature:.4f}", "40 turns", "4 speakers", "noise.jsonl"):
        assert fact in card
    assert (found.turns, found.speakers, found.calibration.by) == (40, 4, "speaker")


def test_the_sections_of_an_earlier_calibration_are_replaced(model, tmp_path):
    earlier = "## Calibration\n\nThe head's weight and bias of m were divided.\n\n| a |\n"
    doubt = "## Doubt\n\n`doubt.json` estimates it.\n\nMore.\n"
    own = "## Calibration\n\nOf the microphones.\n\n## Use\n\nText.\n"
    (model / "README.md").write_text(f"# A model\n\n{earlier}\n{doubt}\n{own}")

    save_calibrated(model, tmp_path / "out", temperature=2.0, section="## New\n")

    assert (tmp_path / "out" / "README.md").read_text() == f"# A model\n\n{own}\n## New\n"


def test_names_of_files_stay_on_one_line_of_the_card():
    probabilities, truth = drawn(100, 2.0)
    turns = [
        Prediction(
            id=str(number),
            truth=CLASSES[true],
            label=CLASSES[row.argmax()],
            scores=dict(zip(CLASSES, row, strict=True)),
            duration=1.0,
        )
        for number, (row, true) in enumerate(zip(probabilities, truth, strict=True))
    ]

    text = card_section(fit(turns), model="m\n# x", data="x\n**Trust:** from a name.jsonl")

    assert not [line for line in text.splitlines() if line.startswith(("**Trust:**", "# x"))]


def test_labels_that_the_model_has_no_class_of_are_refused(model, cuts, tmp_path):
    cuts[0].supervisions[0].custom["emotion"] = "fearful"

    with pytest.raises(LabelError, match=r"fearful \(1\).*angry, happy"):
        calibrate(cuts, tmp_path / "out", model=str(model), data="x", truth=Truth())


def test_no_model_is_saved_where_no_temperature_fits(model, cuts, tmp_path):
    with pytest.raises(TrainingError, match=r"10 turns.*got 9"):
        calibrate(cuts[:9], tmp_path / "out", model=str(model), data="x", truth=Truth())
    assert not (tmp_path / "out").exists()


def test_a_headless_model_is_refused(cuts, tmp_path):
    save_reference(tmp_path / "headless", SMALL, ())

    with pytest.raises(OptionsError, match="head"):
        calibrate(cuts, tmp_path / "out", model=str(tmp_path / "headless"), data="x", truth=Truth())


def test_a_card_says_that_a_temperature_could_not_be_tested():
    probabilities, truth = drawn(11, 2.0)
    # Eleven turns give a temperature, but their folds are too small for one.
    found = fit(
        [
            Prediction(
                id=str(number),
                truth=CLASSES[true],
                label=CLASSES[row.argmax()],
                scores=dict(zip(CLASSES, row, strict=True)),
                duration=1.0,
            )
            for number, (row, true) in enumerate(zip(probabilities, truth, strict=True))
        ]
    )

    text = card_section(found, model="model", data="data")

    assert math.isfinite(found.temperature)
    assert str(found.calibration.reason) in text
    assert "10 turns" in text
    assert "| calibrated |" not in text
