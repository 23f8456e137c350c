"""Emotions on pyannote diarizations and RTTM."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyannote.core import Annotation, Segment

from emo2vec_plugins import Emotion, Engine, Options, Turn, annotate, annotate_diarization
from emo2vec_plugins.errors import AudioError, FormatError, OptionsError, PluginError, SourceError
from emo2vec_plugins.formats.bundle import write_bundle
from emo2vec_plugins.integrations.pyannote.diarization import AnnotatedDiarization, DiarizedAudio
from emo2vec_plugins.testing import FakeBackend, tone

RATE = 16_000


@pytest.fixture
def meeting(noise):
    """Four seconds of noise that gets louder, as samples and rate."""
    return (np.linspace(0.1, 1.0, 4 * RATE, dtype=np.float32) * noise(4 * RATE), RATE)


@pytest.fixture
def diarization() -> Annotation:
    """Overlapping speakers, a segment with two tracks, and a segment that is too short."""
    annotation = Annotation(uri="meeting")
    annotation[Segment(2.0, 3.0), "b"] = "SPEAKER_01"
    annotation[Segment(0.0, 2.5), "a"] = "SPEAKER_00"
    annotation[Segment(3.0, 3.5), 0] = "SPEAKER_00"
    annotation[Segment(3.0, 3.5), 1] = "SPEAKER_01"
    annotation[Segment(3.9, 3.91), 0] = "SPEAKER_00"
    return annotation


def test_every_track_has_the_same_emotion_as_if_scored_alone(meeting, diarization, engine):
    result = annotate_diarization(diarization, meeting, score=engine)

    alone = engine.score(
        meeting, [Turn(start=s.start, end=s.end) for s, _ in diarization.itertracks()]
    )
    assert isinstance(result, AnnotatedDiarization)
    assert [each.emotion.scores for each in result.emotions.turns] == [e.scores for e in alone]
    assert [label for *_, label in result.emotion_diarization.itertracks(yield_label=True)] == [
        each.label or "unscored" for each in alone
    ]
    assert alone[-1].label is None


def test_segments_and_tracks_are_unchanged(meeting, diarization, engine):
    before = diarization.copy()

    result = annotate_diarization(diarization, meeting, score=engine)

    tracks = list(diarization.itertracks())
    assert len(tracks) == 5
    assert list(result.emotion_diarization.itertracks()) == tracks
    assert list(result.speaker_emotion_diarization.itertracks()) == tracks
    assert result.speaker_diarization is diarization
    assert diarization == before
    assert result.exclusive_speaker_diarization is None
    assert result.speaker_embeddings is None


def test_speakers_and_emotions_are_joined(meeting, diarization, engine):
    result = annotate_diarization(diarization, meeting, score=engine)

    for segment, track, speaker in diarization.itertracks(yield_label=True):
        emotion = result.emotion_diarization[segment, track]
        assert result.speaker_emotion_diarization[segment, track] == f"{speaker}+{emotion}"
    assert result.speaker_emotion_diarization[Segment(3.9, 3.91), 0] == "SPEAKER_00+unscored"


def test_overlap_is_measured_between_speakers(meeting, diarization, engine):
    result = annotate_diarization(diarization, meeting, score=engine)

    assert [
        (each.emotion.overlap_ratio, "overlapped" in each.emotion.flags)
        for each in result.emotions.turns
    ] == [(0.2, True), (0.5, True), (1.0, True), (1.0, True), (0.0, False)]


def test_overlapped_frames_can_be_excluded(meeting, diarization, engine):
    keep, leave = (
        annotate_diarization(diarization, meeting, score=engine, options=Options(overlap=overlap))
        for overlap in ("keep", "exclude")
    )

    first, second, third, *_ = leave.emotions.turns
    assert first.emotion.scores != keep.emotions.turns[0].emotion.scores
    assert second.emotion.label is not None
    assert third.emotion.label is None
    assert "overlapped" in third.emotion.reason


def test_results_are_named_after_the_annotation(meeting, diarization, engine):
    result = annotate_diarization(diarization, meeting, score=engine)

    assert result.emotions.recording == "meeting"
    assert result.emotion_diarization.uri == "meeting"
    assert result.speaker_emotion_diarization.uri == "meeting"


def test_results_can_be_named(meeting, diarization, engine):
    result = annotate_diarization(diarization, meeting, score=engine, recording="other")

    assert result.emotions.recording == "other"
    assert result.emotion_diarization.uri == "other"
    assert diarization.uri == "meeting"


def test_a_nameless_annotation_is_named_after_its_audio(write, diarization, engine):
    diarization.uri = None
    path = write("talk.wav", tone(4.0), RATE)

    for audio, name in [
        (path, "talk"),
        ({"audio": path}, "talk"),
        ({"audio": path, "uri": "x"}, "x"),
        ((tone(4.0), RATE), "waveform"),
        ({"waveform": tone(4.0), "sample_rate": RATE}, "waveform"),
    ]:
        result = annotate_diarization(diarization, audio, score=engine)
        assert result.emotions.recording == name
    with path.open("rb") as stream:
        result = annotate_diarization(diarization, stream, score=engine)
    assert result.emotions.recording == "stream"


def test_labels_other_than_strings_are_converted(meeting, engine):
    annotation = Annotation()
    annotation[Segment(0, 1)] = 7

    result = annotate_diarization(annotation, meeting, score=engine)

    assert result.emotions.turns[0].turn.speaker == "7"
    assert result.speaker_emotion_diarization.labels()[0].startswith("7+")


def test_an_empty_annotation_has_no_emotions(meeting, engine):
    result = annotate_diarization(Annotation(uri="x"), meeting, score=engine)

    assert result.emotions.turns == ()
    assert len(result.emotion_diarization) == 0


def test_missing_audio_is_the_reason_at_every_turn(tmp_path, diarization, engine):
    result = annotate_diarization(diarization, tmp_path / "none.wav", score=engine)

    assert {each.emotion.label for each in result.emotions.turns} == {None}
    assert all("none.wav" in each.emotion.reason for each in result.emotions.turns)
    assert result.emotion_diarization.labels() == ["unscored"]


def test_audio_without_a_sample_rate_is_rejected(diarization, engine):
    with pytest.raises(AudioError, match="rate, got None"):
        annotate_diarization(diarization, (tone(1.0), None), score=engine)


@pytest.mark.parametrize(
    ("given", "name"), [(5, "int"), (None, "NoneType"), ((Annotation(), None), "tuple")]
)
def test_other_types_of_diarization_are_rejected(given, name, meeting, engine):
    with pytest.raises(SourceError, match=f"DiarizeOutput.*Annotation.*RTTM.* got {name}"):
        annotate_diarization(given, meeting, score=engine)


def test_embeddings_are_kept_on_request(meeting, diarization, engine):
    result = annotate_diarization(
        diarization, meeting, score=engine, options=Options(embeddings=True)
    )

    assert result.emotions.turns[0].emotion.embedding.shape == (4,)
    assert result.emotions.turns[-1].emotion.embedding is None


def test_the_channel_of_a_mapping_is_scored(meeting, diarization, engine):
    samples = np.stack([0 * meeting[0], meeting[0]])

    silent, loud = (
        annotate_diarization(
            diarization,
            {"waveform": samples, "sample_rate": RATE, "channel": channel},
            score=engine,
        ).emotions.turns[0]
        for channel in (0, 1)
    )

    assert "silent" in silent.emotion.flags
    assert "silent" not in loud.emotion.flags


RTTM = (
    "SPEAKER talk 1 2.0 1.0 <NA> <NA> MÉO069 <NA> <NA>\n"
    "SPEAKER talk 1 0.0 2.5 <NA> <NA> FEE030 <NA> <NA>\n"
    "SPEAKER talk 1 0.0 2.5 <NA> <NA> FEE030 <NA> <NA>\n"
    "SPEAKER talk 1 1.0 0.0 <NA> <NA> <NA> <NA> <NA>\n"
)


def test_turns_of_an_rttm_keep_their_order(meeting, engine, tmp_path):
    path = tmp_path / "x.rttm"
    path.write_text(RTTM, "utf-8")

    for rttm in (RTTM, path, str(path)):
        result = annotate_diarization(rttm, meeting, score=engine)

        assert result.emotions.recording == "talk"
        assert [each.turn.start for each in result.emotions.turns] == [2.0, 0.0, 0.0, 1.0]
        assert [each.emotion.label is None for each in result.emotions.turns] == [
            *[False] * 3,
            True,
        ]
        assert set(result.speaker_diarization.itertracks(yield_label=True)) == {
            (Segment(2.0, 3.0), 0, "MÉO069"),
            (Segment(0.0, 2.5), 1, "FEE030"),
            (Segment(0.0, 2.5), 2, "FEE030"),
        }
        assert list(result.emotion_diarization.itertracks()) == list(
            result.speaker_diarization.itertracks()
        )


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("space", [" ", "\t"])
def test_a_single_line_of_rttm_is_read_as_text(start, space, meeting, engine):
    line = start + "SPEAKER talk 1 0 1 <NA> <NA> A <NA> <NA>".replace(" ", space)

    assert annotate_diarization(line, meeting, score=engine).emotions.recording == "talk"


def test_a_path_may_begin_like_rttm(meeting, engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("SPEAKER 1.rttm").write_text(RTTM, "utf-8")

    result = annotate_diarization("SPEAKER 1.rttm", meeting, score=engine)

    assert len(result.emotions.turns) == 4


def test_an_rttm_without_turns_is_rejected(meeting, engine):
    with pytest.raises(FormatError, match="no turns"):
        annotate_diarization(Annotation().to_rttm(), meeting, score=engine)


def test_an_rttm_of_a_nameless_annotation_is_named_after_its_audio(write, engine):
    nameless = Annotation()
    nameless[Segment(0, 1)] = "A"
    path = write("talk.wav", tone(2.0), RATE)

    result = annotate_diarization(nameless.to_rttm(), path, score=engine)

    assert result.emotions.recording == result.emotion_diarization.uri == "talk"
    assert result.speaker_diarization.uri is None


def test_the_recording_is_chosen_from_an_rttm_with_several(write, engine):
    path = write("b.wav", tone(3.0), RATE)
    many = RTTM.replace("talk", "a") + RTTM.replace("talk", "b").replace("2.0 1.0", "2.25 0.5")

    by_audio = annotate_diarization(many, path, score=engine)
    by_name = annotate_diarization(many, path, score=engine, recording="a")

    assert (by_audio.emotions.recording, by_audio.emotions.turns[0].turn.start) == ("b", 2.25)
    assert (by_name.emotions.recording, by_name.emotions.turns[0].turn.start) == ("a", 2.0)


@pytest.mark.parametrize("recording", [None, "c"])
def test_an_rttm_without_the_recording_is_rejected(recording, meeting, engine):
    many = RTTM.replace("talk", "a") + RTTM.replace("talk", "b")

    with pytest.raises(FormatError, match=r"found 'a', 'b'.*recording="):
        annotate_diarization(many, meeting, score=engine, recording=recording)


def test_a_malformed_rttm_is_named(meeting, engine, tmp_path):
    path = tmp_path / "x.rttm"
    path.write_text(RTTM + "SPEAKER talk\n", "utf-8")

    with pytest.raises(FormatError, match=r"x\.rttm: line 5: "):
        annotate_diarization(path, meeting, score=engine)


def test_a_missing_rttm_is_named(meeting, engine, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.rttm"):
        annotate_diarization(tmp_path / "none.rttm", meeting, score=engine)


def test_annotations_are_opened_through_the_hook(meeting, diarization, engine):
    [result] = annotate([diarization], score=engine, options=Options(audio=meeting))

    assert result == annotate_diarization(diarization, meeting, score=engine)


def test_rttms_are_opened_through_the_hook(meeting, engine, tmp_path):
    path = tmp_path / "x.rttm"
    path.write_text(RTTM, "utf-8")

    [result] = annotate([path], score=engine, options=Options(audio=meeting))

    assert len(result.emotions.turns) == 4


def test_many_diarizations_share_batches(meeting, diarization):
    backend = FakeBackend()
    sources = [
        DiarizedAudio(diarization=diarization, audio=meeting, recording=f"meeting{i}")
        for i in range(3)
    ]

    results = list(annotate(sources, score=Engine(backend)))

    assert [result.emotions.recording for result in results] == ["meeting0", "meeting1", "meeting2"]
    assert len(backend.batches) == 1


def test_an_annotation_without_audio_is_an_error(diarization, engine):
    errors = []

    list(annotate([diarization], score=engine, failed=lambda _, error: errors.append(error)))

    assert isinstance(errors[0], PluginError)
    assert "Options(audio=...)" in str(errors[0])


def test_results_are_written_as_a_bundle(meeting, diarization, engine, tmp_path):
    from pyannote.database.util import load_rttm

    result = annotate_diarization(diarization, meeting, score=engine)

    bundle = write_bundle(result.emotions, tmp_path)

    for path, annotation in [
        (bundle.rttm, result.speaker_diarization),
        (bundle.emotion_rttm, result.emotion_diarization),
        (bundle.spkemo_rttm, result.speaker_emotion_diarization),
    ]:
        assert [
            (round(segment.start, 3), round(segment.end, 3), label)
            for segment, _, label in load_rttm(path)["meeting"].itertracks(yield_label=True)
        ] == [
            (segment.start, segment.end, label)
            for segment, _, label in annotation.itertracks(yield_label=True)
        ]


def test_annotations_do_not_need_pyannote_audio(tmp_path):
    program = """
import sys
import emo2vec_plugins.integrations.pyannote.diarization
assert not any(name.startswith("pyannote") for name in sys.modules)
from pyannote.core import Annotation, Segment
from emo2vec_plugins import Engine, annotate_diarization
from emo2vec_plugins.testing import FakeBackend, tone
annotation = Annotation()
annotation[Segment(0, 1)] = "a"
result = annotate_diarization(annotation, (tone(1.0), 16_000), score=Engine(FakeBackend()))
assert result.emotion_diarization.labels() != ["unscored"]
assert "pyannote.audio" not in sys.modules
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


def test_a_real_meeting_is_annotated_turn_for_turn(engine):
    import importlib.util

    package = Path(importlib.util.find_spec("pyannote").submodule_search_locations[0])
    sample = package / "audio" / "sample" / "sample.wav"

    result = annotate_diarization(sample.with_suffix(".rttm"), sample, score=engine)

    lines = sample.with_suffix(".rttm").read_text("utf-8").splitlines()
    assert len(result.emotions.turns) == len(lines) > 5
    assert result.emotions.recording == "sample"
    assert "unscored" not in result.emotion_diarization.labels()


def test_a_model_without_a_head_leaves_turns_unscored(meeting, diarization):
    def score(items):
        for item in items:
            yield item, Emotion(duration=1.0) if hasattr(item, "turn") else None

    result = annotate_diarization(diarization, meeting, score=score)

    assert result.emotion_diarization.labels() == ["unscored"]


def test_the_repr_of_a_result_is_one_line(meeting, diarization, engine):
    result = annotate_diarization(diarization, meeting, score=engine)

    shown = repr(result)
    assert "\n" not in shown
    assert all(fact in shown for fact in ("AnnotatedDiarization", "'meeting'", "5 turns"))


def test_swapped_audio_and_rttm_are_reported(write, noise, tmp_path, engine):
    path = write("a.wav", noise(RATE), RATE)

    with pytest.raises(FormatError, match=r"a\.wav: .*audio"):
        annotate_diarization(path, tmp_path / "a.rttm", score=engine)


def test_a_mapping_is_rejected_as_options(meeting, diarization, engine):
    with pytest.raises(OptionsError, match=r"options .*dict"):
        annotate_diarization(diarization, meeting, score=engine, options={})
