"""``generate()`` returns the results of FunASR's, for every kind of input."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from support.paths import names_in
from support.reference import SMALL, TOKENS, auto_model, save_reference

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.integrations.funasr.generate import AutoModel

pytestmark = pytest.mark.filterwarnings("ignore", "error::emo2vec_plugins.errors.Emo2vecWarning")

PLACEHOLDERS = ("生气/angry", "unuse_0", "开心/happy", "中立/neutral", "unuse_1", "<unk>")


class Pair:
    """FunASR's AutoModel and ours."""

    def __init__(self, theirs, ours):
        self.theirs, self.ours = theirs, ours

    @classmethod
    def of(cls, folder):
        return cls(auto_model(folder), AutoModel(model=str(folder), device="cpu"))

    def agree(self, given, **arguments):
        """Score *given* with both, compare everything except keys, and return both results."""
        source = given() if callable(given) else given
        expected = self.theirs.generate(source, **arguments)
        found = self.ours.generate(given() if callable(given) else given, **arguments)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert list(one) == list(other)
            assert one["labels"] == other["labels"]
            assert one["scores"] == pytest.approx(other["scores"], abs=1e-4)
            assert_same_feats(one.get("feats"), other.get("feats"))
        return found, expected


def assert_same_feats(found, expected):
    assert type(found) is type(expected)
    if expected is not None:
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)


def keys(results):
    return [result["key"] for result in results]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small"
    save_reference(path, SMALL)
    return path


@pytest.fixture(scope="module")
def pair(folder):
    return Pair.of(folder)


@pytest.fixture
def files(write, noise):
    return [
        str(write("first.wav", noise(17_000, channels=2, seed=1), 16_000)),
        str(write("second.part.flac", noise(9_000, seed=2), 8_000)),
    ]


GRANULARITIES = pytest.mark.parametrize("granularity", ["utterance", "frame"])


@GRANULARITIES
@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_a_file(pair, write, noise, granularity, kind):
    path = write(f"some.sound.{kind}", noise(40_000, channels=2), 22_050)

    found, expected = pair.agree(str(path), granularity=granularity)

    assert keys(found) == keys(expected) == ["some.sound"]


@GRANULARITIES
def test_a_list_of_files_and_the_arrays_it_writes(pair, files, tmp_path, granularity):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"

    found = pair.ours.generate(files, output_dir=ours, granularity=granularity)
    expected = pair.theirs.generate(files, output_dir=str(theirs), granularity=granularity)

    assert keys(found) == keys(expected) == ["first", "second.part"]
    assert names_in(theirs) == ["first.npy", "second.part.npy"]
    assert names_in(ours) == ["first.npy", "second.part.npy"]
    for result in found:
        name = f"{result['key']}.npy"
        np.testing.assert_array_equal(np.load(ours / name), result["feats"])
        assert_same_feats(np.load(ours / name), np.load(theirs / name))


@pytest.mark.parametrize("name", ["wav.scp", "list.txt", "LIST.TXT", "list.text", "list.json"])
def test_a_list_with_keys(pair, files, tmp_path, name):
    path = tmp_path / name
    path.write_text(f"utt-1 {files[0]}\nutt-2\t{files[1]}\n", "utf-8")

    found, expected = pair.agree(str(path))

    assert keys(found) == keys(expected) == ["utt-1", "utt-2"]


def test_a_list_of_json_lines(pair, files, tmp_path):
    path = tmp_path / "list.jsonl"
    lines = [{"key": "甲", "source": files[0]}, {"key": "b", "source": files[1]}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")

    found, expected = pair.agree(str(path))

    assert keys(found) == keys(expected) == ["甲", "b"]


@pytest.mark.parametrize("name", ["wav.scp", "list.txt", "list.jsonl"])
def test_keys_of_a_list_without_keys_are_file_names(pair, files, tmp_path, name):
    path = tmp_path / name
    lines = [json.dumps({"source": file}) for file in files] if name.endswith("l") else files
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")

    found, expected = pair.agree(str(path))

    assert all(key.startswith("rand_key_") for key in keys(expected))
    assert keys(found) == ["first", "second.part"]


@GRANULARITIES
@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy], ids=["array", "tensor"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_samples(pair, noise, make, rate, granularity):
    found, expected = pair.agree(make(noise(rate)), fs=rate, granularity=granularity)

    assert found[0]["key"].startswith("rand_key_")
    assert len(found[0]["key"]) == len(expected[0]["key"])


@pytest.mark.parametrize("shape", [(1, -1), (-1, 1), (1, 1, -1)])
def test_samples_of_one_channel_in_any_shape(pair, noise, shape):
    pair.agree(noise(16_000).reshape(shape))


def test_a_list_of_samples(pair, noise):
    pair.agree([noise(400), torch.from_numpy(noise(16_001, seed=1)), noise(12_345, seed=2)])


def test_a_tuple_is_a_list(pair, noise, files):
    pair.agree((noise(5_000), files[0]))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("wrap", [bytes, io.BytesIO])
def test_an_audio_file_in_memory(pair, noise, kind, wrap):
    stream = io.BytesIO()
    soundfile.write(stream, noise(30_000, channels=2).T, 44_100, format=kind)

    pair.agree(lambda: wrap(stream.getvalue()))


@pytest.mark.parametrize("rate", [16_000, 8_000])
def test_bytes_without_a_header_are_16_bit_samples(pair, noise, rate):
    samples = (noise(rate) * 32_767).astype("<i2")

    pair.agree(samples.tobytes(), fs=rate)


def test_a_list_of_binary_files(pair, files):
    pair.agree(lambda: [io.BytesIO(Path(file).read_bytes()) for file in files])


def test_an_open_file(pair, files):
    with Path(files[0]).open("rb") as one, Path(files[0]).open("rb") as other:
        sources = iter([one, other])
        pair.agree(lambda: next(sources))


def test_results_without_embeddings(pair, files, tmp_path):
    found, _ = pair.agree(files, extract_embedding=False, granularity="frame")

    assert list(found[0]) == ["key", "labels", "scores"]
    assert found[0]["labels"] == list(TOKENS)
    assert sum(found[0]["scores"]) == pytest.approx(1)


def test_one_key_for_one_item(pair, noise, files):
    for given in (noise(5_000), files[0]):
        found, expected = pair.agree(given, key="mine")
        assert keys(found) == keys(expected) == ["mine"]


def test_arguments_without_effect(pair, files):
    pair.agree(files, batch_size=2, disable_pbar=True, batch_size_s=60)


def test_progress_is_reported(pair, files):
    ours, theirs = [], []

    pair.ours.generate(files, progress_callback=lambda *done: ours.append(done))
    pair.theirs.generate(files, progress_callback=lambda *done: theirs.append(done))

    assert ours == theirs == [(1, 2), (2, 2)]


def test_unused_rows_of_the_head_are_omitted(tmp_path, noise):
    save_reference(tmp_path / "model", SMALL, PLACEHOLDERS)

    found, _ = Pair.of(tmp_path / "model").agree(noise(16_000))

    assert found[0]["labels"] == ["生气/angry", "开心/happy", "中立/neutral", "<unk>"]


@GRANULARITIES
def test_a_model_without_a_head_always_returns_embeddings(tmp_path, noise, granularity):
    save_reference(tmp_path / "model", SMALL, ())

    found, _ = Pair.of(tmp_path / "model").agree(
        noise(16_000), extract_embedding=False, granularity=granularity
    )

    assert found[0]["labels"] == found[0]["scores"] == []
    assert "reason" not in found[0]


def test_a_window_as_long_as_the_audio_equals_the_reference(pair, folder, noise):
    engine = Engine(load_model(folder, device="cpu"), max_window=3600)

    Pair(pair.theirs, AutoModel(engine)).agree(noise(35 * 16_000), granularity="frame")
