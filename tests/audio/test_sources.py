"""Audio sources: arrays, mappings, streams; and what is not audio."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
import torch
from support.audio import COMPRESSED, samples_of, whole_of

from emo2vec_plugins.audio.sources import (
    ArrayAudio,
    MissingAudio,
    open_audio,
)
from emo2vec_plugins.core.values import Turn
from emo2vec_plugins.errors import AudioError

# The same audio from other sources.


@pytest.mark.parametrize("dtype", ["int16", "int32"])
def test_integers_are_scaled_by_their_range(write, noise, dtype):
    path = write("a.wav", noise(1_000), 16_000, subtype="PCM_16")
    integers, _ = soundfile.read(path, dtype=dtype)

    np.testing.assert_array_equal(whole_of((integers, 16_000)), whole_of(path))


@pytest.mark.parametrize(
    "convert",
    [
        lambda samples: samples.astype(np.float64),
        lambda samples: samples[None],
        torch.from_numpy,
        lambda samples: torch.from_numpy(samples)[None].requires_grad_(),
        lambda samples: samples.tolist(),
    ],
    ids=["float64", "one row", "tensor", "tensor with gradient", "list"],
)
def test_arrays_of_any_kind_agree(noise, convert):
    native = noise(1_000)

    np.testing.assert_array_equal(whole_of((convert(native), 16_000)), native)


@pytest.mark.parametrize("name", ["a.wav", *COMPRESSED])
def test_a_binary_stream_agrees_with_the_file(write, noise, name):
    path = write(name, noise(4_000, channels=2), 16_000, **COMPRESSED.get(name, {}))
    turn = Turn(start=0.05, end=0.2, channel=1)

    found = samples_of(turn, io.BytesIO(path.read_bytes()))

    np.testing.assert_allclose(found, samples_of(turn, path), atol=2e-7, rtol=0)


def test_a_stream_at_its_end_is_read_from_its_start(write, noise):
    path = write("a.wav", noise(4_000), 16_000)

    with path.open("rb") as stream:
        stream.seek(0, io.SEEK_END)
        assert len(whole_of(stream)) == 4_000


def test_pyannotes_mappings_are_opened(write, noise):
    native = noise(4_000, channels=2)
    path = write("a.wav", native, 16_000, subtype="FLOAT")
    waveform = {"waveform": torch.from_numpy(native), "sample_rate": 16_000, "uri": "a"}

    np.testing.assert_array_equal(whole_of(waveform), whole_of(path))
    np.testing.assert_array_equal(whole_of({"audio": path, "uri": "a"}), whole_of(path))
    np.testing.assert_array_equal(whole_of({"audio": str(path), "channel": 1}), native[1])
    np.testing.assert_array_equal(whole_of(waveform | {"channel": 0}), native[0])


def test_the_channel_of_a_mapping_is_the_only_one(noise):
    sound = {"waveform": noise(4_000, channels=2), "sample_rate": 16_000, "channel": 1}

    with pytest.raises(AudioError, match=r"channel \[0\].* \[1\]"):
        samples_of(Turn(start=0.0, end=0.1, channel=0), sound)
    with pytest.raises(AudioError, match=r"channel 7 .*\[0, 1\]"):
        whole_of(sound | {"channel": 7})


def test_an_audio_object_is_returned_unchanged():
    sound = MissingAudio("not recorded")

    assert open_audio(sound) is sound


# Invalid audio.


@pytest.mark.parametrize("source", [None, 3, object(), {"path": "a.wav"}, (), (1, 2, 3)])
def test_other_objects_are_rejected(source):
    with pytest.raises(AudioError, match=f"path.* got {type(source).__name__}"):
        open_audio(source)


@pytest.mark.parametrize("rate", [None, 0, -16_000, 16_000.5, True, "16000", float("inf")])
def test_an_array_needs_its_rate(noise, rate):
    with pytest.raises(AudioError, match=f"integer sampling rate, got {rate!r}"):
        open_audio((noise(100), rate))


@pytest.mark.parametrize("rate", [16_000.0, np.float32(16_000), np.int64(16_000)])
def test_a_whole_number_of_any_type_is_a_rate(noise, rate):
    sound = open_audio((noise(100), rate))

    assert (sound.rate, type(sound.rate)) == (16_000, int)


def test_the_error_for_a_rate_before_the_samples_shows_the_order(noise):
    with pytest.raises(AudioError, match=r"ndarray of shape \(100,\).*\(samples, rate\)"):
        open_audio((16_000, noise(100)))


def test_the_error_for_samples_without_a_rate_shows_how_to_pass_it(noise):
    with pytest.raises(AudioError, match=r"got ndarray.*\(samples, 16000\)"):
        open_audio(noise(100))


def test_the_error_for_a_file_without_audio_names_it_once(tmp_path):
    path = tmp_path / "junk.wav"
    path.write_text("junk" * 100)

    with pytest.raises(AudioError) as caught:
        _ = open_audio(path).rate
    assert str(caught.value).count("junk.wav") == 1


def test_a_waveform_needs_its_rate(noise):
    with pytest.raises(AudioError, match="sampling rate, got None"):
        open_audio({"waveform": noise(100)})


@pytest.mark.parametrize("shape", [(16_000, 2), (65, 3), (1, 2, 100)])
def test_a_transposed_array_is_rejected(shape):
    with pytest.raises(AudioError) as caught:
        open_audio((np.zeros(shape, np.float32), 16_000))

    for fact in (str(shape), "transpose"):
        assert fact in str(caught.value)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, complex, object])
def test_an_array_of_another_type_is_rejected(dtype):
    with pytest.raises(AudioError, match=f"floats or signed integers, got {np.dtype(dtype)}"):
        open_audio((np.zeros(100, dtype), 16_000))


def test_an_array_without_channels_is_rejected():
    with pytest.raises(AudioError, match=r"shape \(0, 100\)"):
        ArrayAudio(np.zeros((0, 100)), 16_000)
