"""Parity with FunASR: results in any batch equal FunASR's results for a single file."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.reference import BASE, LARGE, SMALL, TOKENS, auto_model, save_reference

from emo2vec_plugins import Engine, Turn, load_model
from emo2vec_plugins.audio.sources import ArrayAudio
from emo2vec_plugins.core.session import Clip
from emo2vec_plugins.models.config import Config
from emo2vec_plugins.testing import check_backend

TOLERANCE = 1e-4
pytestmark = pytest.mark.filterwarnings("ignore")  # FunASR's imports raise many warnings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small"
    save_reference(path, SMALL)
    return path


@pytest.fixture(scope="module")
def reference(folder):
    return auto_model(folder)


@pytest.fixture(scope="module")
def backend(folder):
    return load_model(folder, device="cpu")


@pytest.fixture
def speech():
    """Noise with a slow envelope and an offset, not normalised."""

    def make(samples, seed=0):
        random = np.random.default_rng(seed)
        envelope = 0.05 + 0.2 * np.abs(np.sin(np.arange(samples) / 3000))
        return (random.standard_normal(samples) * envelope + 0.02).astype(np.float32)

    return make


def funasr_result(reference, source, granularity="utterance", rate=16_000):
    return reference.generate(source, fs=rate, granularity=granularity)[0]


@pytest.mark.parametrize("samples", [400, 719, 720, 16_000, 123_457])
def test_a_single_clip_equals_the_reference(reference, backend, speech, samples):
    waveform = speech(samples)
    expected = funasr_result(reference, waveform)
    frames = funasr_result(reference, waveform, "frame")["feats"]

    (emotion,) = Engine(backend, granularity="frame").score((waveform, 16_000))

    assert expected["labels"] == list(TOKENS)
    assert list(emotion.scores.values()) == pytest.approx(expected["scores"], abs=TOLERANCE)
    assert emotion.label == list(emotion.scores)[int(np.argmax(expected["scores"]))]
    np.testing.assert_allclose(emotion.embedding, expected["feats"], atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(emotion.frame_embeddings, frames, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_a_stereo_file_with_another_rate_equals_the_reference(
    reference, backend, speech, tmp_path, rate
):
    path = tmp_path / "stereo.wav"
    sound = np.stack([speech(2 * rate, 1), speech(2 * rate, 2)], axis=1)
    soundfile.write(path, sound, rate, subtype="FLOAT")
    expected = funasr_result(reference, str(path))

    (emotion,) = Engine(backend).score(path)

    assert list(emotion.scores.values()) == pytest.approx(expected["scores"], abs=TOLERANCE)
    np.testing.assert_allclose(emotion.embedding, expected["feats"], atol=TOLERANCE, rtol=0)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    lengths=st.lists(
        st.integers(400, 400 + 320 * 40) | st.sampled_from([400, 719, 720, 721, 24_000]),
        min_size=1,
        max_size=8,
    ),
    budget=st.floats(0.05, 10.0),
)
def test_a_clips_result_does_not_depend_on_the_batch(reference_network, backend, lengths, budget):
    random = np.random.default_rng(len(lengths))
    waveforms = [random.standard_normal(n).astype(np.float32) * 0.1 for n in lengths]
    clips = [
        Clip(turn=Turn(start=0, end=len(w) / 16_000), audio=ArrayAudio(w, 16_000))
        for w in waveforms
    ]

    results = list(Engine(backend, granularity="frame", batch_seconds=budget)(clips))

    for (_, emotion), waveform in zip(results, waveforms, strict=True):
        frames, logits = alone(reference_network, waveform)
        np.testing.assert_allclose(emotion.frame_embeddings, frames, atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(emotion.frame_logits, logits, atol=TOLERANCE, rtol=0)
        assert list(emotion.logits.values()) == pytest.approx(
            logits.mean(axis=0).tolist(), abs=TOLERANCE
        )


@pytest.fixture(scope="module")
def reference_network(reference):
    return reference.model.eval()


def alone(network, waveform):
    import torch
    from torch.nn import functional

    with torch.inference_mode():
        source = torch.from_numpy(waveform)
        source = functional.layer_norm(source, source.shape)[None]
        x = network.extract_features(source, padding_mask=None)["x"][0]
        return x.numpy(), None if network.proj is None else network.proj(x).numpy()


def test_a_model_without_a_head_returns_embeddings_and_no_label(tmp_path, speech):
    save_reference(tmp_path / "headless", SMALL, tokens=())
    expected = funasr_result(auto_model(tmp_path / "headless"), speech(16_000))

    (emotion,) = Engine(load_model(tmp_path / "headless", device="cpu")).score(
        (speech(16_000), 16_000)
    )

    assert (emotion.label, emotion.scores, emotion.reason) == (None, {}, None)
    np.testing.assert_allclose(emotion.embedding, expected["feats"], atol=TOLERANCE, rtol=0)


def test_placeholder_rows_are_masked_as_in_the_reference(tmp_path, speech):
    tokens = ("生气/angry", "unuse_0", "开心/happy", "unuse_1", "<unk>")
    save_reference(tmp_path / "masked", SMALL, tokens=tokens)
    expected = funasr_result(auto_model(tmp_path / "masked"), speech(16_000))

    (emotion,) = Engine(load_model(tmp_path / "masked", device="cpu")).score(
        (speech(16_000), 16_000)
    )

    assert expected["labels"] == ["生气/angry", "开心/happy", "<unk>"]
    assert list(emotion.scores) == ["angry", "happy", "unknown"]
    assert list(emotion.scores.values()) == pytest.approx(expected["scores"], abs=TOLERANCE)


def test_the_bias_can_have_a_scale_per_block_and_head(tmp_path, speech):
    config = Config(
        width=32,
        heads=4,
        prenet_depth=1,
        depth=2,
        conv_layers=SMALL.conv_layers,
        position_groups=4,
        scale_per_layer=True,
    )
    network = save_reference(tmp_path / "scales", config)
    waveform = speech(16_000)

    (emotion,) = Engine(load_model(tmp_path / "scales", device="cpu"), granularity="frame").score(
        (waveform, 16_000)
    )

    frames, _ = alone(network, waveform)
    np.testing.assert_allclose(emotion.frame_embeddings, frames, atol=TOLERANCE, rtol=0)


def test_our_back_end_and_the_reference_pass_the_same_check(folder, backend):
    check_backend(backend)
    check_backend(load_model(f"funasr:{folder}", device="cpu"))


def test_the_reference_as_a_back_end_has_the_same_scores(folder, backend, speech):
    sound = (speech(40_000), 16_000)

    (ours,) = Engine(backend).score(sound)
    (theirs,) = Engine(load_model(f"funasr:{folder}", device="cpu")).score(sound)

    assert ours.scores == pytest.approx(theirs.scores, abs=TOLERANCE)


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.15), ("float16", 0.02)])
def test_lower_precision_stays_close(folder, backend, speech, dtype, tolerance):
    sound = (speech(40_000), 16_000)

    (exact,) = Engine(backend).score(sound)
    (rounded,) = Engine(load_model(folder, device="cpu", dtype=dtype)).score(sound)

    assert rounded.provenance.dtype == dtype
    np.testing.assert_allclose(rounded.embedding, exact.embedding, atol=tolerance, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "tokens"),
    [(LARGE, TOKENS), (BASE, TOKENS), (BASE, ())],
    ids=["large", "base", "headless"],
)
def test_the_published_shapes(tmp_path, speech, config, tokens):
    """Random weights in the published sizes: 5 s alone and in a batch."""
    save_reference(tmp_path / "model", config, tokens)
    reference = auto_model(tmp_path / "model")
    network = reference.model.eval()
    if config is LARGE:
        assert round(sum(p.numel() for p in network.parameters()) / 1e6) == 162
    waveforms = [speech(n, seed) for seed, n in enumerate([80_000, 400, 24_319])]
    backend = load_model(tmp_path / "model", device="cpu")
    clips = [
        Clip(turn=Turn(start=0, end=len(w) / 16_000), audio=ArrayAudio(w, 16_000))
        for w in waveforms
    ]

    results = list(Engine(backend, granularity="frame")(clips))

    for (_, emotion), waveform in zip(results, waveforms, strict=True):
        frames, logits = alone(network, waveform)
        np.testing.assert_allclose(emotion.frame_embeddings, frames, atol=TOLERANCE, rtol=0)
        if tokens:
            np.testing.assert_allclose(emotion.frame_logits, logits, atol=TOLERANCE, rtol=0)
            expected = funasr_result(reference, waveform)["scores"]
            assert list(emotion.scores.values()) == pytest.approx(expected, abs=TOLERANCE)
