"""The wrapper around pyannote pipelines, with a real pipeline of random weights."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.diarization import build_pipeline

from emo2vec_plugins import Emotion, Engine, Options, annotate_diarization, load_model
from emo2vec_plugins.errors import AudioError, ModelNotFoundError, SourceError
from emo2vec_plugins.formats.bundle import write_bundle
from emo2vec_plugins.integrations.pyannote.diarization import AnnotatedDiarization
from emo2vec_plugins.testing import FakeBackend

RATE = 16_000


@pytest.fixture(scope="module")
def inner(tmp_path_factory):
    return build_pipeline(tmp_path_factory.mktemp("plda"))


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Six seconds whose pitch changes every second, as float32 with 16-bit values."""
    time = np.arange(6 * RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(len(time))
    pitch = 150 + 100 * np.floor(time)
    sound = 0.3 * np.sin(2 * np.pi * pitch * time) * np.abs(np.sin(3 * time)) + 0.02 * noise
    return (np.round(sound * 2**15) / 2**15).astype(np.float32)


@pytest.fixture
def talk(samples, tmp_path) -> Path:
    path = tmp_path / "talk.wav"
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path


@pytest.fixture
def pipeline(inner):
    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    return EmotionDiarizationPipeline(inner, score=Engine(FakeBackend()))


def waveform(samples):
    import torch

    return torch.from_numpy(np.atleast_2d(samples))


def test_the_diarization_is_that_of_the_inner_pipeline(pipeline, inner, samples):
    from emo2vec_plugins.integrations.pyannote.pyannote_audio import EmotionDiarizeOutput

    file = {"waveform": waveform(samples), "sample_rate": RATE, "uri": "talk"}

    ours, theirs = pipeline(dict(file)), inner(dict(file))

    assert isinstance(ours, EmotionDiarizeOutput)
    assert isinstance(ours, type(theirs))
    assert ours.speaker_diarization == theirs.speaker_diarization
    assert ours.exclusive_speaker_diarization == theirs.exclusive_speaker_diarization
    np.testing.assert_array_equal(ours.speaker_embeddings, theirs.speaker_embeddings)


def test_every_turn_has_an_emotion_and_its_overlap(pipeline, talk):
    output = pipeline(talk)

    tracks = list(output.speaker_diarization.itertracks(yield_label=True))
    assert len(tracks) > 10
    assert len({speaker for *_, speaker in tracks}) > 1
    assert [(t.turn.start, t.turn.end, t.turn.speaker) for t in output.emotions.turns] == [
        (segment.start, segment.end, speaker) for segment, _, speaker in tracks
    ]
    for (segment, track, speaker), scored in zip(tracks, output.emotions.turns, strict=True):
        label = scored.emotion.label or "unscored"
        assert output.emotion_diarization[segment, track] == label
        assert output.speaker_emotion_diarization[segment, track] == f"{speaker}+{label}"
    flags = [flag for scored in output.emotions.turns for flag in scored.emotion.flags]
    assert 0 < flags.count("overlapped") <= len(tracks)
    assert output.emotion_diarization.uri == "talk"


def test_audio_may_be_given_in_every_form(pipeline, samples, talk):
    expected = pipeline(talk).emotions

    for file in (
        str(talk),
        talk.read_bytes(),
        io.BytesIO(talk.read_bytes()),
        {"audio": talk},
        {"audio": str(talk), "uri": "talk"},
        {"audio": io.BytesIO(talk.read_bytes())},
        {"waveform": waveform(samples), "sample_rate": RATE},
        {"waveform": waveform([0 * samples, samples]), "sample_rate": RATE, "channel": 1},
    ):
        assert pipeline(file).emotions.turns == expected.turns


def test_the_requested_channel_of_a_file_is_scored(pipeline, samples, talk, tmp_path):
    stereo = tmp_path / "stereo.wav"
    soundfile.write(stereo, np.stack([samples, 0 * samples], axis=1), RATE, subtype="PCM_16")

    assert pipeline({"audio": stereo, "channel": 0}).emotions.turns == pipeline(talk).emotions.turns


def test_a_missing_channel_is_named(pipeline, talk):
    with pytest.raises(AudioError, match=r"channel 5.*\[0\]"):
        pipeline({"audio": talk, "channel": 5})


def test_the_number_of_speakers_is_passed_on(pipeline, talk):
    labels = [
        pipeline(talk, **asked).speaker_diarization.labels()
        for asked in ({"num_speakers": 3}, {"min_speakers": 3, "max_speakers": 3})
    ]

    assert labels == [["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"]] * 2


def test_a_hook_is_called_for_every_turn(pipeline, talk):
    calls = []
    file = {"audio": talk}

    def hook(step, artifact, *, file, completed=None, total=None):
        calls.append((step, artifact, file, completed, total))

    output = pipeline(file, hook=hook)

    steps = list(dict.fromkeys(step for step, *_ in calls))
    assert steps[0] == "segmentation"
    assert steps[-1] == "emotion"
    assert all(seen is file for _, _, seen, _, _ in calls)
    turns = len(output.emotions.turns)
    counted = [(done, total) for step, _, _, done, total in calls if step == "emotion"]
    assert counted == [*((done, turns) for done in range(turns + 1)), (None, None)]
    assert calls[-1][1] is output.emotion_diarization


def test_frames_can_be_kept_with_a_hook(inner, talk):
    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    engine = Engine(FakeBackend(), granularity="frame")
    pipeline = EmotionDiarizationPipeline(inner, score=engine, options=Options(frames=True))

    output = pipeline(talk, hook=lambda *_, **__: None)

    scored = [turn.emotion for turn in output.emotions.turns if turn.emotion.reason is None]
    assert scored
    for emotion in scored:
        assert emotion.frame_embeddings.shape[1] == engine.backend.width


def test_the_hooks_of_pyannote_work(pipeline, talk, capsys):
    from pyannote.audio.pipelines.utils.hook import ArtifactHook, Hooks, ProgressHook, TimingHook

    file = {"audio": talk}

    with Hooks(ProgressHook(), ArtifactHook("emotion"), TimingHook()) as hook:
        output = pipeline(file, hook=hook)

    assert file["artifact"]["emotion"] == output.emotion_diarization
    assert "emotion" in file["timing"]
    assert "emotion" in capsys.readouterr().out


@pytest.fixture
def minimal(talk):
    """Return a function that wraps a pipeline without hooks, which returns the given object."""
    from pyannote.audio import Pipeline

    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    class Minimal(Pipeline):
        def __init__(self, found):
            super().__init__()
            self.found = found

        def apply(self, file):
            self.file = file
            return self.found

    return lambda found: EmotionDiarizationPipeline(Minimal(found), score=Engine(FakeBackend()))


def test_a_diarization_without_hooks_reports_only_the_emotion_step(minimal, talk):
    from pyannote.core import Annotation, Segment

    turns = Annotation()
    turns[Segment(0, 1)] = "A"
    steps = []

    minimal(turns)(talk, hook=lambda step, *_, **__: steps.append(step))

    assert set(steps) == {"emotion"}


def test_only_the_requested_channel_is_passed_on(minimal, samples, tmp_path):
    from pyannote.core import Annotation

    stereo = tmp_path / "stereo.wav"
    soundfile.write(stereo, np.stack([samples, 0 * samples], axis=1), RATE, subtype="PCM_16")
    pipeline = minimal(Annotation())

    pipeline({"audio": stereo, "channel": 0})

    file = pipeline.diarization.file
    assert set(file) == {"audio", "uri", "waveform", "sample_rate"}
    np.testing.assert_array_equal(file["waveform"], waveform(samples))


@pytest.mark.parametrize("hook", [None, lambda *_, **__: None])
@pytest.mark.parametrize(("found", "name"), [(None, "NoneType"), (("turns", "sources"), "tuple")])
def test_a_pipeline_that_returns_another_type_is_named(found, name, hook, minimal, talk):
    with pytest.raises(SourceError, match=rf"Annotation .*Minimal.* {name}"):
        minimal(found)(talk, hook=hook)


def test_a_list_is_diarized_lazily(pipeline, talk, samples):
    files = [talk, {"waveform": waveform(samples), "sample_rate": RATE, "uri": "other"}]

    results = pipeline(files, num_speakers=2)

    file, first = next(results)
    assert file == {"audio": str(talk), "uri": "talk"}
    assert first.emotions.recording == "talk"
    file, second = next(results)
    assert file is files[1]
    assert second.emotions.turns == first.emotions.turns


def test_a_list_with_equal_names_is_rejected(pipeline, talk):
    with pytest.raises(AudioError, match="names, got talk, talk"):
        pipeline([talk, talk])


def test_a_legacy_pipeline_returns_annotations(inner, talk):
    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    pipeline = EmotionDiarizationPipeline(inner, score=Engine(FakeBackend()))
    expected = pipeline(talk)
    inner.legacy = True
    try:
        result = pipeline(talk)
    finally:
        inner.legacy = False

    assert isinstance(result, AnnotatedDiarization)
    assert result.speaker_diarization == expected.speaker_diarization
    assert result.emotions == expected.emotions


def test_silence_has_no_turns(pipeline, inner):
    from pyannote.core import Annotation

    segmentation = inner.get_segmentations

    def empty(file, hook=None):
        found = segmentation(file, hook=hook)
        found.data[:] = 0
        return found

    inner.get_segmentations = empty
    try:
        output = pipeline({"waveform": waveform(np.zeros(RATE)).float(), "sample_rate": RATE})
    finally:
        del inner.get_segmentations

    assert output.emotions.turns == ()
    assert output.speaker_diarization == Annotation(uri="waveform")


def test_options_apply_to_the_turns(inner, talk):
    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    pipeline = EmotionDiarizationPipeline(
        inner, score=Engine(FakeBackend()), options=Options(embeddings=True, overlap="exclude")
    )

    turns = pipeline(talk).emotions.turns

    alone = [each for each in turns if each.emotion.overlap_ratio == 1.0]
    assert alone
    assert {each.emotion.label for each in alone} == {None}
    assert {len(each.emotion.embedding) for each in turns if each.emotion.label} == {4}


def test_a_diarize_output_can_be_annotated_later(pipeline, inner, talk, samples):
    found = inner({"waveform": waveform(samples), "sample_rate": RATE, "uri": "talk"})

    output = annotate_diarization(found, talk, score=Engine(FakeBackend()))

    assert output.emotions == pipeline(talk).emotions
    assert output.speaker_embeddings is found.speaker_embeddings
    assert output.speaker_diarization is found.speaker_diarization
    assert output.exclusive_speaker_diarization is found.exclusive_speaker_diarization


def test_an_output_serializes_with_its_emotions(pipeline, talk):
    output = pipeline(talk)

    serialized = output.serialize()

    assert set(serialized) == {"diarization", "exclusive_diarization", "emotions"}
    assert len(serialized["emotions"]) == len(serialized["diarization"])
    assert serialized["emotions"][0]["emotion"] == output.emotions.turns[0].emotion.label


def test_an_output_is_written_as_a_bundle(pipeline, talk, tmp_path):
    from lhotse import SupervisionSet
    from pyannote.database.util import load_rttm

    output = pipeline(talk)

    bundle = write_bundle(output.emotions, tmp_path)

    for path in (bundle.rttm, bundle.emotion_rttm, bundle.spkemo_rttm):
        assert len(list(load_rttm(path)["talk"].itertracks())) == len(output.emotions.turns)
        assert len(SupervisionSet.from_rttm(path)) == len(output.emotions.turns)


def test_the_emotion_model_moves_with_the_diarization(inner):
    import torch

    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    backend = load_model("tiny", device="cpu").to("meta")
    pipeline = EmotionDiarizationPipeline(inner, score=Engine(backend))
    assert next(backend.network.parameters()).device == torch.device("meta")

    backend.network.to_empty(device="cpu")  # meta tensors have no data to move
    assert pipeline.to(torch.device("cpu")) is pipeline

    assert pipeline.device == inner.device == backend.device == torch.device("cpu")


def test_a_model_that_cannot_be_moved_is_left_alone(pipeline):
    import torch

    assert pipeline.to(torch.device("cpu")) is pipeline
    with pytest.raises(TypeError, match=r"torch\.device"):
        pipeline.to("cpu")


def test_hyper_parameters_are_those_of_the_diarization(pipeline, inner):
    before = inner.parameters(instantiated=True)

    pipeline.instantiate({"segmentation": {"min_duration_off": 0.5}})
    try:
        assert inner.segmentation.min_duration_off == 0.5
        assert pipeline.parameters(instantiated=True) == inner.parameters(instantiated=True)
        assert pipeline.instantiated
    finally:
        inner.instantiate(before)
    assert next(iter(pipeline.classes())) == "SPEAKER_00"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("none.wav", r"none\.wav does not exist"),
        ({"uri": "x"}, "Neither 'waveform' nor 'audio'"),
        (5, "Audio files can be provided"),
        (b"no audio", "audio"),
    ],
)
def test_audio_that_cannot_be_read_is_named(pipeline, file, message):
    with pytest.raises(AudioError, match=message):
        pipeline(file)


def test_audio_without_samples_is_named(pipeline, tmp_path):
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0), RATE)

    with pytest.raises(AudioError, match=r"empty: .*no samples"):
        pipeline(path)


def test_pyannote_decodes_what_libsndfile_cannot(pipeline, talk, samples, tmp_path, monkeypatch):
    """A stub replaces pyannote's decoder, which needs FFmpeg."""
    import pyannote.audio.core.io as pyannote_io

    class Decoder:
        def __init__(self, path):
            assert Path(path).suffix == ".m4a"

        def get_all_samples(self):
            return self

        data, sample_rate = waveform(samples), RATE

    path = tmp_path / "talk.m4a"
    path.write_bytes(b"not a format of libsndfile")
    monkeypatch.setattr(pyannote_io, "TORCHCODEC_AVAILABLE", True)
    monkeypatch.setattr(pyannote_io, "AudioDecoder", Decoder)

    assert pipeline(path).emotions.turns == pipeline(talk).emotions.turns


def test_from_pretrained_passes_its_arguments_to_pyannote(tmp_path, talk, inner):
    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    config = tmp_path / "config.yaml"
    config.write_text(
        "pipeline:\n"
        "  name: support.diarization.build_from_config\n"
        "  params:\n"
        f"    folder: {tmp_path}\n"
        "params:\n"
        "  segmentation:\n"
        "    min_duration_off: 0.3\n",
        "utf-8",
    )

    pipeline = EmotionDiarizationPipeline.from_pretrained(
        tmp_path,
        token="hf_x",
        cache_dir="cache",
        score=Engine(FakeBackend()),
        options=Options(allow=("code",)),
    )

    assert pipeline.diarization.arguments == {"token": "hf_x", "cache_dir": "cache"}
    assert pipeline.diarization.segmentation.min_duration_off == 0.3
    assert pipeline(talk).emotions.turns


def test_an_unavailable_pipeline_is_named(monkeypatch):
    import huggingface_hub.constants

    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(ModelNotFoundError, match="'pyannote/no-such'") as caught:
        EmotionDiarizationPipeline.from_pretrained("pyannote/no-such", score=Engine(FakeBackend()))
    assert all(fact in str(caught.value) for fact in ("config.yaml", "token"))


def test_any_scorer_can_be_used(inner, talk):
    from emo2vec_plugins.integrations.pyannote.pipeline import EmotionDiarizationPipeline

    def score(items):
        for item in items:
            yield item, Emotion(label="happy", score=1.0) if hasattr(item, "turn") else None

    output = EmotionDiarizationPipeline(inner, score=score)(talk)

    assert output.emotion_diarization.labels() == ["happy"]


@pytest.mark.slow
def test_telemetry_is_off_by_default():
    program = """
import importlib, os
from emo2vec_plugins.integrations.pyannote import pyannote_audio
from pyannote.audio.telemetry.metrics import is_metrics_enabled
assert not is_metrics_enabled()
os.environ["PYANNOTE_METRICS_ENABLED"] = "true"
importlib.reload(pyannote_audio)
assert is_metrics_enabled()
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYANNOTE_METRICS_ENABLED"}

    subprocess.run([sys.executable, "-W", "ignore", "-c", program], env=environment, check=True)
