"""Selfcheck: passes on the published scores, fails on others, refuses what it does not know."""

from __future__ import annotations

import hashlib
import json
import math
import sys

import numpy as np
import pytest
from support.cli_runner import run
from support.facts import assert_facts

from emo2vec_plugins.core.labels import LabelSet
from emo2vec_plugins.core.values import Provenance
from emo2vec_plugins.engine.windows import frame_count
from emo2vec_plugins.errors import ModelNotFoundError, OptionsError, SelfcheckError
from emo2vec_plugins.models.selfcheck import (
    AUDIO_SHA256,
    PUBLISHED_SCORES,
    compare,
    find_audio,
    selfcheck,
)
from emo2vec_plugins.testing import FakeBackend


class Large:
    """Says the same of all audio: the published scores, or those with one class changed."""

    labels = LabelSet.from_tokens(PUBLISHED_SCORES)
    width = 1024
    normalize = True
    batch_seconds = 30.0
    provenance = Provenance(model="emotion2vec_plus_large")

    def __init__(self, **changes):
        self.logits = [math.log(p) + changes.get(name, 0.0) for name, p in PUBLISHED_SCORES.items()]

    def run(self, waveforms):
        return [self._frames(frame_count(len(waveform))) for waveform in waveforms]

    def _frames(self, count):
        embeddings = np.zeros((count, self.width), np.float32)
        return embeddings, np.tile(np.float32(self.logits), (count, 1))


@pytest.fixture
def example(write, noise, monkeypatch):
    """Stands in for the published recording, which is not ours to ship."""
    path = write("test.wav", noise(16000), 16000)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    # By its module: the folder's own name `selfcheck` is the function.
    monkeypatch.setattr(sys.modules[selfcheck.__module__], "AUDIO_SHA256", digest)
    return path


def test_published_scores_pass(example):
    agreement = selfcheck(Large(), example)

    assert set(agreement.differences) == set(PUBLISHED_SCORES)
    assert agreement.worst < 1e-5


def test_differences_within_the_tolerance_pass(example):
    assert selfcheck(Large(sad=0.019), example).worst == pytest.approx(0.019, abs=1e-4)


@pytest.mark.parametrize("change", [0.021, -0.021])
def test_one_class_that_differs_fails_and_is_named(example, change):
    with pytest.raises(SelfcheckError, match=rf"sad by [+-]{abs(change)}") as caught:
        selfcheck(Large(sad=change), example)
    assert "happy" not in str(caught.value)


def test_probability_that_vanished_fails():
    with pytest.raises(SelfcheckError, match="unknown by -inf"):
        compare(PUBLISHED_SCORES | {"unknown": 0.0})


def test_score_that_is_no_number_fails():
    with pytest.raises(SelfcheckError, match="happy by"):
        compare(PUBLISHED_SCORES | {"happy": math.nan})


def test_other_model_is_refused(example):
    with pytest.raises(OptionsError, match=r"'fake'.*width 4.*angry, happy"):
        selfcheck(FakeBackend(), example)


def test_other_recording_is_refused(write, noise):
    with pytest.raises(OptionsError, match=AUDIO_SHA256):
        selfcheck(Large(), write("other.wav", noise(16000), 16000))


def test_two_published_runs_agree(shared):
    published = json.loads((shared / "published_model" / "published_outputs.json").read_text())

    first, second = (entry["scores"] for entry in published["entries"][:2])

    assert first == list(PUBLISHED_SCORES.values())
    assert compare(dict(zip(PUBLISHED_SCORES, second, strict=True))).worst == pytest.approx(
        0.0075, abs=1e-4
    )


def test_recording_is_the_published_one(shared):
    assert selfcheck(Large(), shared / "published_model" / "test.wav").worst < 1e-5


def test_recording_is_found_in_the_models_folder(tmp_path):
    (tmp_path / "example").mkdir()
    (tmp_path / "example" / "test.wav").touch()

    assert find_audio(str(tmp_path)) == tmp_path / "example" / "test.wav"
    assert find_audio(f"torch:{tmp_path}") == tmp_path / "example" / "test.wav"


def test_folder_without_the_recording_says_what_to_pass(tmp_path):
    with pytest.raises(ModelNotFoundError, match="pass it with --audio"):
        find_audio(str(tmp_path))


def test_hub_that_is_not_there_says_what_to_pass(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    with pytest.raises(ModelNotFoundError, match="pass the file with --audio"):
        find_audio("emotion2vec_plus_large")


def test_command_passes(example):
    result = run("selfcheck", "--model", "fake", "--audio", example, backend=Large())

    assert result.exit_code == 0
    assert "agrees with its published scores" in result.stdout


def test_model_that_would_be_refused_is_not_offered_instead(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    result = run("selfcheck")

    assert result.exit_code == 1
    assert_facts(result.stderr, "'emotion2vec/emotion2vec_plus_large'", "config.yaml")
    assert "tiny" not in result.stderr


def test_options_that_would_change_the_scores_are_not_offered():
    offered = {word for word in run("selfcheck", "--help").stdout.split() if word[:2] == "--"}

    assert offered == {"--allow", "--audio", "--model", "--device", "--dtype", "--help"}


def test_command_fails(example):
    result = run("selfcheck", "--model", "fake", "--audio", example, backend=Large(happy=1))

    assert result.exit_code == 1
    assert result.stdout == ""
    assert_facts(result.stderr, "emo2vec: error: ", "happy")


def test_command_refuses_another_model_before_it_looks_for_the_recording():
    result = run("selfcheck", "--model", "fake")

    assert result.exit_code == 1
    assert "emotion2vec_plus_large" in result.stderr
