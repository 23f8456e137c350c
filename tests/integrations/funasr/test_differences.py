"""Differences from FunASR's ``generate()``, as listed in docs/funasr.md."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from support.paths import names_in

from emo2vec_plugins import Engine
from emo2vec_plugins.audio.containers import is_audio_file
from emo2vec_plugins.core.backend import NamedModel
from emo2vec_plugins.core.hookspecs import hookimpl
from emo2vec_plugins.core.plugins import Plugins
from emo2vec_plugins.errors import Emo2vecWarning, FormatError, OptionsError
from emo2vec_plugins.integrations.funasr.generate import AutoModel
from emo2vec_plugins.testing import FakeBackend, tone

LABELS = ["生气/angry", "开心/happy", "中立/neutral", "难过/sad", "<unk>"]


@pytest.fixture
def model():
    return AutoModel(FakeBackend(), plugins=Plugins(installed=False))


def scores(results):
    return [result["scores"] for result in results]


def test_each_array_has_a_separate_key(model, tmp_path):
    results = model.generate([tone(1), tone(2), tone(3)], output_dir=tmp_path)

    assert len({result["key"] for result in results}) == 3
    assert len(names_in(tmp_path)) == 3


def test_files_with_the_same_name_have_separate_keys_and_arrays(model, tmp_path):
    paths = [tmp_path / folder / "x.wav" for folder in "ab"]
    for seconds, path in enumerate(paths, start=1):
        path.parent.mkdir()
        soundfile.write(path, tone(seconds), 16_000)

    results = model.generate([str(path) for path in paths], output_dir=tmp_path / "out")

    assert [result["key"] for result in results] == ["a/x", "b/x"]
    for result in results:
        found = np.load(tmp_path / "out" / f"{result['key']}.npy")
        np.testing.assert_array_equal(found, result["feats"])


def test_channels_are_averaged_on_either_axis(model):
    left, right = tone(1), tone(1, pitch=500)
    mean = scores(model.generate((left + right) / 2))

    for samples in (np.stack([left, right]), np.stack([left, right], axis=1)):
        assert scores(model.generate(samples)) == mean
        assert scores(model.generate(torch.from_numpy(samples))) == mean


@pytest.mark.parametrize("dtype", ["float64", "float16", "int16", "int32"])
def test_samples_of_any_type_are_scored(model, dtype):
    scale = 1 if dtype.startswith("float") else np.iinfo(dtype).max
    samples = (tone(1).astype(np.float64) * scale).astype(dtype)

    (found,) = model.generate(samples)

    assert found["scores"] == pytest.approx(model.generate(tone(1))[0]["scores"], abs=1e-2)


def test_tensors_in_half_precision_are_scored(model):
    (found,) = model.generate(torch.from_numpy(tone(1)).bfloat16())

    assert found["labels"] == LABELS


def test_path_objects_are_accepted(model, write, tmp_path):
    path = write("a.wav", tone(1), 16_000)
    scp = tmp_path / "wav.scp"
    scp.write_text(f"utt {path}\n")

    assert [each["key"] for each in model.generate(path)] == ["a"]
    assert [each["key"] for each in model.generate([path])] == ["a"]
    assert [each["key"] for each in model.generate(scp)] == ["utt"]


def test_bytes_are_accepted_in_a_list(model):
    pcm = (tone(1) * 32_767).astype("<i2")
    stream = io.BytesIO()
    soundfile.write(stream, pcm, 16_000, format="WAV")

    results = model.generate([pcm.tobytes(), stream.getvalue(), bytearray(pcm.tobytes())])

    assert scores(results) == [scores(results)[0]] * 3
    assert results[0]["labels"] == LABELS


def test_an_audio_file_in_bytes_has_its_own_rate(model):
    stream = io.BytesIO()
    soundfile.write(stream, tone(1), 16_000, format="WAV", subtype="FLOAT")

    assert scores(model.generate(stream.getvalue(), fs=8_000)) == scores(model.generate(tone(1)))


def test_an_item_that_cannot_be_scored_has_a_reason_and_does_not_stop_others(
    model, write, tmp_path
):
    (tmp_path / "text.wav").write_text("no audio")
    given = [
        *(tone(1)[:399], tone(0), tmp_path / "missing.wav", tmp_path / "text.wav", tmp_path),
        *(b"odd", io.BytesIO(b"no audio"), np.full(16_000, np.nan), np.zeros((70, 70))),
        *(np.asarray(["a"]), None, 5, "", "https://example.org/a.wav", {"audio": None}),
        *([0.1, 0.2], {"waveform": tone(1), "sample_rate": 16_000, "channel": "left"}),
        tone(1),
    ]

    results = model.generate(given, output_dir=tmp_path / "out")

    *broken, last = results
    assert last["labels"] == LABELS
    assert len(results) == len(given)
    for result in broken:
        assert list(result) == ["key", "labels", "scores", "reason", "feats"]
        assert (result["labels"], result["scores"], result["feats"]) == ([], [], None)
        assert result["reason"]
    assert "399 samples" in results[0]["reason"]
    assert "missing.wav" in results[2]["reason"]
    assert "https://example.org/a.wav" in results[13]["reason"]
    assert len(names_in(tmp_path / "out")) == 1


def test_an_empty_list_has_no_results(model, tmp_path):
    (tmp_path / "empty.scp").write_text("\n")

    assert model.generate([]) == []
    assert model.generate(tmp_path / "empty.scp") == []


def test_a_path_in_a_list_may_contain_spaces(model, write, tmp_path):
    path = write("a b.wav", tone(1), 16_000)
    (tmp_path / "list.txt").write_text(f"\ufeff{path}\n\nutt {path}\n", "utf-8")

    results = model.generate(str(tmp_path / "list.txt"))

    assert [each["key"] for each in results] == ["a b", "utt"]
    assert results[0]["labels"] == results[1]["labels"] == LABELS


def test_a_pipe_in_a_list_is_rejected_and_not_run(model, tmp_path):
    trap = tmp_path / "trap"
    (tmp_path / "wav.scp").write_text(f"utt touch {trap} |\n")

    with pytest.raises(FormatError, match=r"'utt'.* pipe"):
        model.generate(str(tmp_path / "wav.scp"))
    assert not trap.exists()


def test_the_error_for_a_malformed_list_has_the_line(model, tmp_path):
    (tmp_path / "list.jsonl").write_text(json.dumps({"key": "a"}))

    with pytest.raises(FormatError, match=r"list\.jsonl: line 1: "):
        model.generate(str(tmp_path / "list.jsonl"))


def test_an_output_folder_without_embeddings_raises_a_warning(model, tmp_path):
    with pytest.warns(Emo2vecWarning, match=r"output_dir.*extract_embedding=False"):
        model.generate(tone(1), output_dir=tmp_path / "out", extract_embedding=False)
    assert not (tmp_path / "out").exists()


def test_an_empty_output_folder_is_ignored(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    model.generate(tone(1), output_dir="")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["../outside", "", "/outside", "a\0b"])
def test_a_key_outside_of_the_folder_is_rejected(model, tmp_path, key):
    with pytest.raises(OptionsError, match=re.escape(repr(key))):
        model.generate(tone(1), key=key, output_dir=tmp_path / "out")


def test_two_items_with_one_key_are_rejected_only_if_written_to_files(model, tmp_path):
    given = [tone(1), tone(2)]

    assert [each["key"] for each in model.generate(given, key=["a", "a"])] == ["a", "a"]
    with pytest.raises(OptionsError, match=r"'a': .* and "):
        model.generate(given, key=["a", "a"], output_dir=tmp_path / "out")


def test_a_file_that_is_given_twice_is_written_once(model, write, tmp_path):
    path = write("a.wav", tone(1), 16_000)

    results = model.generate([str(path), path], output_dir=tmp_path / "out")

    assert [each["key"] for each in results] == ["a", "a"]
    assert names_in(tmp_path / "out") == ["a.npy"]


@pytest.mark.parametrize("key", ["one", ["a", "b", "c"], [1, 2]])
def test_there_must_be_one_key_for_each_item(model, key):
    with pytest.raises(OptionsError, match=r"key .*2 items"):
        model.generate([tone(1), tone(2)], key=key)
    assert [each["key"] for each in model.generate([tone(1), tone(2)], key=["a", "b"])] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("fs", [0, -1, 16_000.5, "16000", None, True, float("nan"), float("inf")])
def test_an_invalid_rate_is_rejected(model, fs):
    with pytest.raises(OptionsError, match=f"fs .*{re.escape(repr(fs))}"):
        model.generate(tone(1), fs=fs)


def test_an_unknown_granularity_is_rejected(model):
    with pytest.raises(OptionsError, match=r"'utterance'.*'frame'.*'word'"):
        model.generate(tone(1), granularity="word")


def test_unknown_arguments_are_rejected_by_name():
    with pytest.raises(OptionsError, match=r"AutoModel .*'vad_model'.* annotate_sentences"):
        AutoModel("tiny", vad_model="fsmn-vad")
    with pytest.raises(OptionsError, match=r"generate\(\) .*'langauge'"):
        AutoModel(FakeBackend()).generate(tone(1), langauge="zh")
    with pytest.raises(OptionsError, match=r"ms, modelscope, hf, huggingface .*'gh'"):
        AutoModel("iic/emotion2vec_plus_large", hub="gh")


@pytest.mark.parametrize("granularity", ["utterance", "frame"])
def test_an_engine_keeps_its_labels_and_supports_either_granularity(granularity):
    engine = Engine(FakeBackend(), labels=["sad", "happy"], granularity=granularity)
    model = AutoModel(engine, plugins=Plugins(installed=False))

    (found,) = model.generate(tone(1))
    (frames,) = model.generate(tone(1), granularity="frame")

    assert found["labels"] == frames["labels"] == ["开心/happy", "难过/sad"]
    assert sum(found["scores"]) == pytest.approx(1)
    assert (found["feats"].shape, frames["feats"].shape) == ((4,), (49, 4))
    assert engine.granularity == granularity


def test_clips_share_batches():
    backend = FakeBackend()

    AutoModel(backend, plugins=Plugins(installed=False)).generate([tone(1), tone(2), tone(3)])

    assert backend.batches == [[16_000, 32_000, 48_000]]


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "RF64", "NIST"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_audio_files_are_distinguished_from_samples(kind, rate):
    stream = io.BytesIO()
    soundfile.write(stream, tone(1, rate=rate), rate, format=kind)

    assert is_audio_file(stream.getvalue())


@pytest.mark.parametrize("value", [-1, -5, -1025, 0, 20_000])
def test_samples_that_begin_like_mp3_are_not_audio_files(value):
    assert not is_audio_file(np.full(4_000, value, dtype="<i2").tobytes())
    assert not is_audio_file(b"")
    assert not is_audio_file(b"\xff\xfb\x90")


def test_the_tiny_model_is_the_same_by_name_and_by_folder():
    from emo2vec_plugins.models.published import TINY

    by_name, by_folder = AutoModel("tiny"), AutoModel(Path(TINY), device="cpu", disable_update=True)

    assert scores(by_name.generate(tone(1))) == scores(by_folder.generate(tone(1)))


class Hubs:
    """Loads a fake model for any name, and records the arguments."""

    def __init__(self):
        self.loaded = []

    @hookimpl
    def emo2vec_models(self):
        return [NamedModel(name="torch", description="", load=self.load, needs_source=True)]

    def load(self, source, *, device, dtype):
        self.loaded.append((source, device, dtype))
        return FakeBackend()


@pytest.mark.parametrize(
    ("model", "hub", "loaded"),
    [
        ("iic/emotion2vec_plus_large", None, "iic/emotion2vec_plus_large"),
        ("iic/emotion2vec_plus_large", "ms", "iic/emotion2vec_plus_large"),
        ("iic/emotion2vec_plus_large", "hf", "emotion2vec/emotion2vec_plus_large"),
        ("emotion2vec/emotion2vec_plus_seed", "modelscope", "iic/emotion2vec_plus_seed"),
        ("emotion2vec_base", "ms", "iic/emotion2vec_base"),
        ("somebody/emotion2vec_plus_large", "hf", "somebody/emotion2vec_plus_large"),
    ],
)
def test_either_name_of_a_model_works_with_either_hub(model, hub, loaded):
    hubs = Hubs()

    AutoModel(model, hub=hub, device="cpu", dtype="float16", plugins=Plugins([hubs]))

    assert hubs.loaded == [(loaded, "cpu", "float16")]
