"""Audio sources, and the conversion of turns to samples."""

from __future__ import annotations

import io
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from hypothesis import given
from hypothesis import strategies as st

from emo2vec_plugins.audio import turns as turn_audio
from emo2vec_plugins.audio.sources import (
    MODEL_RATE,
    ArrayAudio,
    FileAudio,
    MissingAudio,
    open_audio,
)
from emo2vec_plugins.audio.turns import bounds, mono, resampled_length
from emo2vec_plugins.core.session import serial_group_of
from emo2vec_plugins.core.values import Turn
from emo2vec_plugins.errors import AudioError

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
WAV_KINDS = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
COMPRESSED = {
    "vorbis.ogg": {"format": "OGG", "subtype": "VORBIS"},
    "speech.opus": {"format": "OGG", "subtype": "OPUS"},
    "speech.mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    "speech.flac": {"format": "FLAC", "subtype": "PCM_16"},
}


def samples_of(turn, source):
    return np.concatenate([np.empty(0, np.float32), *mono(turn, open_audio(source))])


def whole_of(source):
    sound = open_audio(source)
    return samples_of(Turn(start=0.0, end=sound.length / sound.rate), sound)


# The order of the steps: cut, average, resample.


def test_a_turn_is_cut_then_averaged_then_resampled(noise):
    native = noise(3 * 44_100, channels=2)
    cut = torch.from_numpy(native[:, round(0.7301 * 44_100) : round(1.9002 * 44_100)])
    expected = torchaudio.transforms.Resample(44_100, 16_000)(cut.mean(dim=0))

    found = samples_of(Turn(start=0.7301, end=1.9002), (native, 44_100))

    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6, rtol=0)


def test_resampling_before_cutting_would_give_different_samples(noise):
    native = noise(3 * 44_100)
    whole = torchaudio.transforms.Resample(44_100, 16_000)(torch.from_numpy(native)).numpy()

    found = samples_of(Turn(start=1.0, end=2.0), (native, 44_100))

    assert np.abs(found - whole[16_000:32_000]).max() > 0.01


def test_audio_at_the_models_rate_is_not_changed(noise):
    native = noise(16_000)

    found = samples_of(Turn(start=0.25, end=0.5), (native, MODEL_RATE))

    np.testing.assert_array_equal(found, native[4_000:8_000])


@pytest.mark.parametrize("rate", RATES)
def test_concatenated_blocks_equal_the_turn_resampled_as_a_whole(monkeypatch, noise, rate):
    native = noise(5 * rate + 77)
    turn = Turn(start=0.123, end=5.0)
    start = round(0.123 * rate)
    cut = torch.from_numpy(native[start : 5 * rate])
    expected = torchaudio.transforms.Resample(rate, MODEL_RATE)(cut).numpy()
    monkeypatch.setattr(turn_audio, "BLOCK_SECONDS", 1)

    blocks = list(mono(turn, ArrayAudio(native, rate)))

    assert len(blocks) == 5
    assert sum(map(len, blocks)) == resampled_length(5 * rate - start, rate) == len(expected)
    np.testing.assert_allclose(np.concatenate(blocks), expected, atol=1e-6, rtol=0)


@given(samples=st.integers(1, 5_000), rate=st.sampled_from(RATES))
def test_lengths_equal_the_resamplers(samples, rate):
    resampled = torchaudio.transforms.Resample(rate, MODEL_RATE)(torch.zeros(samples))

    assert resampled_length(samples, rate) == len(resampled)


def test_a_long_turn_is_read_in_blocks(monkeypatch):
    reads = []

    class Endless:
        rate, length, channels = 48_000, 3_600 * 48_000, (0,)

        def read(self, start, stop, channels):
            reads.append(stop - start)
            return np.zeros((1, stop - start), np.float32)

    for _ in zip(range(3), mono(Turn(start=0.0, end=3_600.0), Endless()), strict=False):
        pass

    assert len(reads) == 3
    assert max(reads) < 61 * 48_000


# Bounds.


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.5, 1.5, (8_000, 24_000)),
        (-3.0, 1.0, (0, 16_000)),
        (-3.0, -1.0, (0, 0)),
        (1.0, 99.0, (16_000, 32_000)),
        (50.0, 99.0, (32_000, 32_000)),
        (1.0, 1.0, (16_000, 16_000)),
        (0.00004, 1.00003, (1, 16_000)),
    ],
)
def test_turns_are_read_within_bounds(start, end, expected):
    two_seconds = ArrayAudio(np.zeros(32_000, np.float32), 16_000)

    assert bounds(Turn(start=start, end=end), two_seconds) == expected


def test_an_empty_turn_has_no_samples(noise):
    assert len(samples_of(Turn(start=1.0, end=1.0), (noise(32_000), 16_000))) == 0


# Channels.


@pytest.mark.parametrize(
    ("channel", "rows"), [(None, [0, 1, 2]), (1, [1]), ((0, 2), [0, 2]), ((2,), [2])]
)
def test_channels_are_chosen_or_averaged(noise, channel, rows):
    native = noise(1_000, channels=3)

    found = samples_of(Turn(start=0.0, end=1_000 / 16_000, channel=channel), (native, 16_000))

    np.testing.assert_allclose(found, native[rows].mean(axis=0), atol=1e-7)


@pytest.mark.parametrize("channel", [2, (0, 5), ()])
def test_a_missing_channel_is_an_error(noise, channel):
    turn = Turn(start=0.0, end=0.05, channel=channel)

    with pytest.raises(AudioError, match=r"channel \[.*\].*\[0, 1\]"):
        samples_of(turn, (noise(1_000, channels=2), 16_000))


# Files.


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("kind", WAV_KINDS)
def test_wav_files_of_every_kind_are_read(write, noise, rate, kind):
    path = write("a.wav", noise(rate // 4, channels=2), rate, subtype=kind)
    native, _ = soundfile.read(path, dtype="float32", always_2d=True)
    sound = FileAudio(path)

    assert (sound.rate, sound.length, sound.channels) == (rate, rate // 4, (0, 1))
    np.testing.assert_array_equal(sound.read(10, 200, (1,)), native[10:200, 1:].T)


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_any_number_of_channels_is_averaged(write, noise, channels):
    native = noise(8_000, channels=channels)
    path = write("a.wav", native, 16_000, subtype="FLOAT")

    np.testing.assert_allclose(whole_of(path), native.mean(axis=0), atol=1e-7)


@pytest.mark.parametrize("name", COMPRESSED)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("order", ["forward", "anyhow"])
def test_a_part_of_a_file_equals_that_part_of_the_whole(write, noise, name, channels, order):
    path = write(name, noise(10 * 16_000, channels=channels), 16_000, **COMPRESSED[name])
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    starts = np.random.default_rng(0).integers(0, len(whole) - 9_000, 20)
    sound = FileAudio(path)

    for start in sorted(starts) if order == "forward" else starts:
        part = sound.read(start, start + 9_000, sound.channels)
        np.testing.assert_allclose(part.T, whole[start : start + 9_000], atol=2e-7, rtol=0)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs /proc to count bytes read")
@pytest.mark.parametrize("name", ["a.wav", "speech.flac", "vorbis.ogg"])
def test_only_the_part_of_a_long_file_is_read(tmp_path, noise, name):
    path = tmp_path / name
    with soundfile.SoundFile(path, "w", 8_000, 1, **COMPRESSED.get(name, {})) as file:
        for _ in range(600):  # libsndfile's Vorbis crashes if all is written at once
            file.write(noise(8_000))
    sound = FileAudio(path)
    before = bytes_read()

    sound.read(300 * 8_000, 302 * 8_000, (0,))

    assert bytes_read() - before < path.stat().st_size / 4


def bytes_read():
    facts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(facts["rchar"])


@pytest.mark.parametrize(
    ("name", "in_order"),
    [
        ("a.wav", False),
        ("speech.flac", False),
        ("vorbis.ogg", False),
        ("speech.opus", True),
        ("speech.mp3", True),
    ],
)
def test_a_file_is_read_in_order_unless_its_format_allows_any_order(write, noise, name, in_order):
    sound = FileAudio(write(name, noise(16_000), 16_000, **COMPRESSED.get(name, {})))
    assert serial_group_of(sound) is sound

    sound.read(0, 100, (0,))

    assert (serial_group_of(sound) is sound) == in_order
    assert serial_group_of(open_audio({"audio": sound.path, "channel": 0})) is not None


def test_a_stream_is_decoded_by_one_thread_and_then_read_by_any(write, noise):
    stream = io.BytesIO(write("a.wav", noise(16_000), 16_000).read_bytes())
    one, other = open_audio(stream), open_audio(stream)

    assert serial_group_of(one) == serial_group_of(other) is not None
    one.read(0, 100, (0,))
    assert serial_group_of(one) is None


def test_samples_in_memory_are_read_in_any_order(noise):
    assert serial_group_of(open_audio((noise(100), 16_000))) is None
    assert serial_group_of(MissingAudio("lost")) is None


def test_all_audio_without_a_serial_group_shares_one():
    assert serial_group_of(object()) == serial_group_of(object()) is not None


@pytest.mark.parametrize("name", ["speech.opus", "speech.mp3"])
def test_going_back_beyond_the_kept_samples_works(write, noise, name):
    path = write(name, noise(150 * 8_000), 8_000, **COMPRESSED[name])
    whole, _ = soundfile.read(path, dtype="float32")
    sound = FileAudio(path)

    for start in (140 * 8_000, 8_000, 139 * 8_000, 75 * 8_000):
        part = sound.read(start, start + 8_000, (0,))[0]
        np.testing.assert_allclose(part, whole[start : start + 8_000], atol=2e-7, rtol=0)


def test_threads_can_share_a_file(write, noise):
    path = write("a.opus", noise(10 * 16_000), 16_000, **COMPRESSED["speech.opus"])
    whole, _ = soundfile.read(path, dtype="float32")
    sound = FileAudio(path)
    starts = np.random.default_rng(0).integers(0, len(whole) - 4_000, 40)

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda start: sound.read(start, start + 4_000, (0,))[0], starts))

    for start, part in zip(starts, parts, strict=True):
        np.testing.assert_array_equal(part, whole[start : start + 4_000])


def test_the_length_of_an_mp3_is_exact(write, noise):
    silence_first = np.concatenate([np.zeros(30_000, np.float32), noise(60_000)])
    path = write("a.mp3", silence_first, 16_000, **COMPRESSED["speech.mp3"])
    data = path.read_bytes()
    # Without the first frame, which has the number of frames, the header is only an estimate.
    path.write_bytes(data[data.index(data[:2], 4) :])
    decoded, _ = soundfile.read(path)

    assert soundfile.info(path).frames > 2 * len(decoded)
    assert FileAudio(path).length == len(decoded) == len(whole_of(path))


def test_a_file_is_opened_when_it_is_read_and_not_before(tmp_path, noise):
    path = tmp_path / "later.wav"
    sound = open_audio(path)

    soundfile.write(path, noise(1_000), 8_000)

    assert (sound.rate, sound.length) == (8_000, 1_000)


@pytest.mark.parametrize("name", ["a.wav", "speech.opus"])
def test_a_file_pickles_after_reading(write, noise, name):
    sound = FileAudio(write(name, noise(2_000), 16_000, **COMPRESSED.get(name, {})))
    first = sound.read(100, 900, (0,))

    again = pickle.loads(pickle.dumps(sound))

    np.testing.assert_array_equal(again.read(100, 900, (0,)), first)


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


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_samples_are_an_error(noise, value):
    native = noise(16_000, channels=2)
    native[1, 8_000] = value

    with pytest.raises(AudioError, match=r"^1 NaN or infinite .*at 0\.500 s"):
        samples_of(Turn(start=0.25, end=1.0), (native, 16_000))


def test_nan_outside_the_turn_or_its_channel_is_ignored(noise):
    native = noise(16_000, channels=2)
    native[1, 8_000] = np.nan

    assert np.isfinite(samples_of(Turn(start=0.5001, end=1.0), (native, 16_000))).all()
    assert np.isfinite(samples_of(Turn(start=0.0, end=1.0, channel=0), (native, 16_000))).all()


# The samples of the reference.


@pytest.fixture(scope="module")
def reference_loader():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of FunASR's imports
        from funasr.utils.load_utils import load_audio_text_image_video
    return load_audio_text_image_video


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_samples_of_files_equal_funasrs(write, noise, reference_loader, rate, channels):
    path = write("a.wav", noise(rate, channels=channels), rate)

    expected = reference_loader(str(path), fs=16_000)

    np.testing.assert_allclose(whole_of(path), expected.numpy(), atol=1e-6, rtol=0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        "audio_formats/61-70968-0000.flac",
        "audio_formats/cold_corpus_24bit.wav",
        "audio_formats/common_voice_en_22058267.mp3",
        "audio_formats/test.mp3",
        "audio_formats/test.opus",
        "lhotse_fixtures/rir/real_8ch.wav",
        "lhotse_fixtures/stereo.mp3",
        "lhotse_fixtures/stereo.opus",
        "lhotse_fixtures/stereo.sph",
        "thorsten_emotional",
        "published_model/test.wav",
    ],
)
def test_samples_of_public_files_equal_funasrs(shared, reference_loader, name):
    path = shared / name
    path = next(path.glob("*.wav")) if path.is_dir() else path

    expected = reference_loader(str(path), fs=16_000)

    np.testing.assert_allclose(whole_of(path), expected.numpy(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "name",
    [
        "common_voice_en_22058267.mp3",
        "asr_example.mp3",
        "test.mp3",
        "test.opus",
        "13697_11991_000000.opus",
    ],
)
def test_public_files_are_cut_exactly(shared, name):
    path = shared / "audio_formats" / name
    whole, rate = soundfile.read(path, dtype="float32", always_2d=True)
    sound = FileAudio(path)
    starts = np.random.default_rng(0).integers(0, len(whole) - rate, 25)

    assert sound.length == len(whole)
    for start in starts:
        part = sound.read(start, start + rate, sound.channels)
        np.testing.assert_allclose(part.T, whole[start : start + rate], atol=2e-7, rtol=0)


def test_a_turn_with_extreme_bounds_is_read_within_the_audio(noise):
    sound = ArrayAudio(noise(16_000), 16_000)

    assert bounds(Turn(start=-1e306, end=1e306), sound) == (0, 16_000)
    assert bounds(Turn(start=1e306, end=1e307), sound) == (16_000, 16_000)


def test_an_array_without_channels_is_rejected():
    with pytest.raises(AudioError, match=r"shape \(0, 100\)"):
        ArrayAudio(np.zeros((0, 100)), 16_000)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_does_not_move_its_parents_file_position(write, noise):
    sound = FileAudio(write("a.mp3", noise(16_000 * 40), 16_000))
    whole = sound.read(0, sound.length, (0,))
    sound = FileAudio(sound.path)
    sound.read(0, 16_000, (0,))

    child = os.fork()
    if not child:
        same = np.array_equal(sound.read(0, 600_000, (0,)), whole[:, :600_000])
        os._exit(0 if same else 1)

    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(sound.read(16_000, 600_000, (0,)), whole[:, 16_000:600_000])


def test_a_file_whose_name_is_not_utf8_is_read(write, noise, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    try:
        write("a.wav", noise(800), 16_000).rename(path)
    except OSError:
        pytest.skip("this file system does not allow such names")

    assert FileAudio(path).length == 800
