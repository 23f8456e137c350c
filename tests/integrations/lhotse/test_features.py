"""Frame embeddings as Lhotse features."""

from __future__ import annotations

import pickle

import lhotse
import numpy as np
import pytest
import torch
from lhotse import CutSet, FeatureExtractor, LilcomChunkyWriter, NumpyFilesWriter, Recording
from lhotse.features.base import get_extractor_type

from emo2vec_plugins import Engine
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.integrations.lhotse.features import Emotion2vec, Emotion2vecConfig
from emo2vec_plugins.testing import FakeBackend


@pytest.fixture
def extractor():
    return Emotion2vec(Emotion2vecConfig(batch_seconds=100.0), backend=FakeBackend())


@pytest.fixture
def cuts(noise, write):
    return CutSet.from_cuts(
        Recording.from_file(write(f"{n}.wav", noise(n, seed=n), 16_000)).to_cut()
        for n in (16_000, 16_100, 16_200, 48_333)
    )


def frames_of(cut):
    engine = Engine(FakeBackend(), granularity="frame")
    return engine.score(cut.recording.sources[0].source)[0].frame_embeddings


def test_importing_the_module_registers_the_extractor():
    assert get_extractor_type("emotion2vec") is Emotion2vec


def test_features_are_frames_of_the_engine_with_the_last_repeated_if_needed(extractor, cuts):
    for cut, counted in zip(cuts, (50, 50, 51, 151), strict=True):
        frames = frames_of(cut)

        features = cut.compute_features(extractor)

        assert features.shape == (counted, 4)
        np.testing.assert_array_equal(features[: len(frames)], frames)
        np.testing.assert_array_equal(features[len(frames) :], frames[-1:][: counted - len(frames)])


def test_a_cut_set_stores_and_loads_features(extractor, cuts, tmp_path):
    stored = cuts.compute_and_store_features(
        extractor, tmp_path / "features", storage_type=NumpyFilesWriter
    )

    lhotse.validate(stored)
    for cut in stored:
        assert (cut.num_features, cut.frame_shift) == (4, 0.02)
        np.testing.assert_array_equal(cut.load_features(), cut.compute_features(extractor))
        inside = cut.truncate(offset=0.2, duration=0.5)
        np.testing.assert_array_equal(inside.load_features(), cut.load_features()[10:35])


@pytest.mark.parametrize("collate", [False, True])
def test_a_cut_set_stores_features_in_batches(extractor, cuts, tmp_path, collate):
    stored = cuts.compute_and_store_features_batch(
        extractor,
        tmp_path / "features",
        storage_type=LilcomChunkyWriter,
        num_workers=0,
        collate=collate,
    )

    for cut in stored:
        np.testing.assert_allclose(
            cut.load_features(), cut.compute_features(extractor), atol=0.02, rtol=0
        )


def test_clips_of_one_call_share_a_batch(noise):
    backend = FakeBackend()
    extractor = Emotion2vec(backend=backend)

    extractor.extract_batch([noise(16_000), noise(8_000)], 16_000)

    assert backend.batches == [[16_000, 8_000]]


def test_a_batch_is_returned_in_the_type_of_its_input(extractor, noise):
    one, two = noise(16_000), noise(8_000)

    different = extractor.extract_batch([one, two], 16_000)
    same = extractor.extract_batch([torch.from_numpy(one), torch.from_numpy(one)], 16_000)
    single = extractor.extract_batch(one, 16_000)
    padded = torch.stack([torch.from_numpy(one), torch.from_numpy(np.pad(two, (0, 8_000)))])
    cut = extractor.extract_batch(padded, 16_000, lengths=torch.tensor([16_000, 8_000]))

    assert [item.shape for item in different] == [(50, 4), (25, 4)]
    assert isinstance(same, torch.Tensor)
    assert same.shape == (2, 50, 4)
    assert single.shape == (50, 4)
    np.testing.assert_array_equal(cut[1].numpy(), different[1])


@pytest.mark.parametrize(("rate", "counted"), [(8_000, 50), (22_050, 50), (44_100, 50)])
def test_other_rates_have_as_many_frames_as_lhotse_expects(extractor, noise, rate, counted):
    assert extractor.extract(noise(rate), rate).shape == (counted, 4)


def test_a_rate_without_whole_frames_is_rejected(extractor, noise):
    with pytest.raises(AudioError, match=r"11025 Hz.* 220\.5 samples.*cuts\.resample"):
        extractor.extract(noise(11_025), 11_025)


def test_channels_are_averaged(extractor, noise):
    sound = noise(16_000, channels=2)

    np.testing.assert_allclose(
        extractor.extract(sound, 16_000), extractor.extract(sound.mean(axis=0), 16_000), atol=1e-6
    )


def test_a_clip_without_a_frame_is_rejected(extractor, noise):
    with pytest.raises(AudioError, match=r"0\.019 s.*too short"):
        extractor.extract(noise(300), 16_000)


def test_the_configuration_is_written_to_yaml_and_read_back(tmp_path):
    Emotion2vec(Emotion2vecConfig(model="tiny", dtype="float16")).to_yaml(tmp_path / "e.yml")

    again = FeatureExtractor.from_yaml(tmp_path / "e.yml")

    assert isinstance(again, Emotion2vec)
    assert again.config == Emotion2vecConfig(model="tiny", dtype="float16")


def test_an_extractor_is_created_and_pickled_without_loading_its_model(extractor, noise):
    untouched = Emotion2vec(Emotion2vecConfig(model="no such model", device="cpu"))
    assert pickle.loads(pickle.dumps(untouched)).config.model == "no such model"
    assert untouched.device == "cpu"

    before = extractor.extract(noise(800), 16_000)
    again = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_array_equal(again.extract(noise(800), 16_000), before)


def test_the_feature_dimension_is_the_width_of_the_model(extractor):
    assert extractor.feature_dim(16_000) == 4
