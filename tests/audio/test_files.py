"""Reading audio files and streams."""

from __future__ import annotations

import io
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.audio import COMPRESSED, RATES, whole_of

from emo2vec_plugins.audio.files import FileAudio
from emo2vec_plugins.audio.sources import (
    MissingAudio,
    open_audio,
)
from emo2vec_plugins.core.session import serial_group_of

WAV_KINDS = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


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
@pytest.mark.parametrize("name", ["a.wav", "speech.flac"])
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
        ("vorbis.ogg", True),
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


def test_a_stream_is_loaded_by_one_thread_and_then_read_by_any(write, noise):
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
