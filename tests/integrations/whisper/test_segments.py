"""Transcripts of WhisperX and faster-whisper, with an emotion on every segment."""

from __future__ import annotations

import copy
import dataclasses
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyannote.core import Annotation
from pyannote.core import Segment as Span

from emo2vec_plugins import Engine, Options, Plugins, Turn, annotate
from emo2vec_plugins.errors import FormatError, InvalidTurnError, OptionsError, SourceError
from emo2vec_plugins.integrations.whisper import (
    SpeakerTurns,
    WhisperTranscript,
    annotate_segments,
    read_speaker_turns,
)
from emo2vec_plugins.testing import FakeBackend, check_session, tone

# The result of whisperx.diarize.assign_word_speakers of WhisperX 3.8.6 for these words, with turns
# of SPEAKER_00 from 0.4 to 2.9 s and of SPEAKER_01 from 2.95 to 5.2 s. The third segment has no
# speaker, the fourth has no times, and "42?" could not be aligned. json.dump wrote NaN.
WHISPERX = """
{"segments": [
  {"start": 0.5, "end": 2.25, "text": " Did you call her?", "avg_logprob": -0.21, "words": [
    {"word": "Did", "start": 0.5, "end": 0.7, "score": 0.91, "speaker": "SPEAKER_00"},
    {"word": "you", "start": 0.75, "end": 0.9, "score": 0.88, "speaker": "SPEAKER_00"},
    {"word": "call", "start": 1.0, "end": 1.3, "score": 0.93, "speaker": "SPEAKER_00"},
    {"word": "her?", "start": 1.4, "end": 2.25, "score": 0.71, "speaker": "SPEAKER_00"}],
   "speaker": "SPEAKER_00"},
  {"start": 2.5, "end": 5.0, "text": " No. Why 42?", "avg_logprob": -0.3, "words": [
    {"word": "No.", "start": 2.5, "end": 2.9, "score": 0.9, "speaker": "SPEAKER_00"},
    {"word": "Why", "start": 3.5, "end": 3.9, "score": 0.8, "speaker": "SPEAKER_01"},
    {"word": "42?"}],
   "speaker": "SPEAKER_01"},
  {"start": 7.0, "end": 7.5, "text": " Hm.", "words": [], "chars": null},
  {"text": " lost"},
  {"start": NaN, "end": NaN, "text": " nan"}],
 "language": "en",
 "word_segments": []}
"""

TURNS = [
    Turn(start=0.4, end=2.9, speaker="SPEAKER_00"),
    Turn(start=2.95, end=5.2, speaker="SPEAKER_01"),
]

RTTM = (
    "SPEAKER talk 1 0.400 2.500 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
    "SPEAKER talk 1 2.950 2.250 <NA> <NA> SPEAKER_01 <NA> <NA>\n"
)


@pytest.fixture
def result():
    """A WhisperX transcript: segments and ``word_segments`` share their words."""
    loaded = json.loads(WHISPERX)
    words = [word for segment in loaded["segments"] for word in segment.get("words", [])]
    return loaded | {"word_segments": words}


@pytest.fixture
def sound(noise):
    return noise(8 * 16_000), 16_000


@pytest.fixture
def segments():
    """Two faster-whisper segments, one with words."""
    from faster_whisper.transcribe import Segment, Word

    words = [
        Word(start=2.5, end=2.9, word=" No.", probability=0.9),
        Word(start=3.5, end=4.0, word=" Why?", probability=0.8),
    ]
    common = {"seek": 0, "tokens": [50364, 13], "avg_logprob": -0.2, "compression_ratio": 0.8}
    common |= {"no_speech_prob": 0.01, "temperature": 0.0}
    return [
        Segment(id=1, start=0.5, end=2.25, text=" Did you call her?", words=None, **common),
        Segment(id=2, start=2.5, end=5.0, text=" No. Why?", words=words, **common),
    ]


def labels(annotated):
    return [segment["emotion"] for segment in annotated]


def alone(engine, sound, start, end):
    """Score a span by itself."""
    [emotion] = engine.score(sound, turns=[Turn(start=start, end=end)])
    return emotion


def test_a_result_of_whisperx_is_copied_with_emotions(result, sound, engine):
    before = copy.deepcopy(result)

    annotated = annotate_segments(result, sound, score=engine)

    expected = [alone(engine, sound, *span) for span in [(0.5, 2.25), (2.5, 5.0), (7.0, 7.5)]]
    assert labels(annotated["segments"]) == [*(each.label for each in expected), None, None]
    assert annotated["segments"][1]["emotion_score"] == expected[1].score
    assert list(annotated) == ["segments", "language", "word_segments"]
    assert list(annotated["segments"][0])[:5] == ["start", "end", "text", "avg_logprob", "words"]
    assert str(result) == str(before)  # as strings, because NaN is not equal to itself


def test_segments_and_word_segments_share_their_words(result, sound, engine):
    """WhisperX changes words of segments in place and relies on shared ``word_segments``."""
    annotated = annotate_segments(result, sound, score=engine)

    assert annotated["word_segments"][0] is annotated["segments"][0]["words"][0]
    assert annotated["word_segments"][0] is not result["word_segments"][0]


def test_segments_without_times_are_kept_with_a_reason(result, sound, engine):
    lost, nan = annotate_segments(result, sound, score=engine)["segments"][3:]

    assert (lost["text"], nan["text"]) == (" lost", " nan")
    assert "got None and None" in lost["emotion_reason"]
    assert "got nan to nan" in nan["emotion_reason"]


def test_words_of_another_speaker_in_a_segment_are_flagged(result, sound, engine):
    first, second, third, *_ = annotate_segments(result, sound, score=engine)["segments"]

    assert first["emotion_overlap_ratio"] == 0
    assert second["emotion_flags"] == ["overlapped"]
    assert second["emotion_overlap_ratio"] == pytest.approx(0.4 / 2.5)
    assert third["emotion_overlap_ratio"] is None  # the segment has no speaker


def test_words_of_another_speaker_in_a_segment_can_be_excluded(result, sound, engine):
    result["segments"][1]["words"][0]["end"] = 5.0
    options = Options(overlap="exclude")

    second = annotate_segments(result, sound, score=engine, options=options)["segments"][1]

    assert second["emotion"] is None
    assert "overlapped" in second["emotion_reason"]


def test_existing_labels_are_replaced_only_on_request(result, sound, engine):
    result["segments"][0]["emotion"] = "calm"
    result["segments"][3]["emotion"] = "lost"

    first, second, _, lost, _ = annotate_segments(result, sound, score=engine)["segments"]

    assert first == result["segments"][0]
    assert lost == result["segments"][3]
    assert second["emotion"] is not None
    options = Options(overwrite=True)
    first, *_ = annotate_segments(result, sound, score=engine, options=options)["segments"]
    assert first["emotion"] == alone(engine, sound, 0.5, 2.25).label


def test_labelled_segments_count_as_overlap(sound, engine):
    segments = [
        {"start": 0.0, "end": 2.0, "text": "a", "speaker": "ann", "emotion": "calm"},
        {"start": 1.0, "end": 3.0, "text": "b", "speaker": "bob"},
    ]

    _, second = annotate_segments(segments, sound, score=engine)

    assert second["emotion_overlap_ratio"] == 0.5


@pytest.mark.parametrize("words", ["absent", None, []])
def test_an_openai_whisper_result_is_annotated(sound, engine, words):
    segment = {"id": 0, "start": 0.5, "end": 2.0, "text": " Yes."}
    segment |= {} if words == "absent" else {"words": words}
    result = {"text": " Yes.", "segments": [segment], "language": "en"}

    annotated = annotate_segments(result, sound, score=engine)

    assert labels(annotated["segments"]) == [alone(engine, sound, 0.5, 2.0).label]


def test_an_empty_transcript_stays_empty(sound, engine):
    assert annotate_segments([], sound, score=engine) == []
    empty = {"segments": [], "language": "en"}
    assert annotate_segments(empty, sound, score=engine) == empty


def test_segments_of_faster_whisper_become_dicts(segments, sound, engine):
    annotated = annotate_segments(segments, sound, score=engine)

    assert list(annotated[1])[:11] == [f.name for f in dataclasses.fields(segments[1])]
    assert annotated[1]["words"][0] == {
        "start": 2.5,
        "end": 2.9,
        "word": " No.",
        "probability": 0.9,
    }
    assert labels(annotated) == [
        alone(engine, sound, 0.5, 2.25).label,
        alone(engine, sound, 2.5, 5.0).label,
    ]
    assert json.loads(json.dumps(annotated)) == annotated


def test_segments_may_come_from_a_generator(segments, sound, engine):
    annotated = annotate_segments((each for each in segments), sound, score=engine)

    assert annotated == annotate_segments(segments, sound, score=engine)


def test_segments_are_opened_by_the_hook(segments, result, sound, engine):
    options = Options(audio=sound)
    sources = [segments, tuple(segments), result]

    one, two, three = annotate(sources, score=engine, options=options)

    assert one == two == annotate_segments(segments, sound, score=engine)
    assert str(three) == str(annotate_segments(result, sound, score=engine))


def test_many_recordings_share_a_stream(segments, result, sound, engine):
    other = (tone(6.0), 16_000)
    sources = [
        WhisperTranscript(transcript=result, audio=sound),
        WhisperTranscript(transcript=segments, audio=other, diarization=TURNS),
    ]

    first, second = annotate(sources, score=engine)

    assert str(first) == str(annotate_segments(result, sound, score=engine))
    assert second == annotate_segments(segments, other, score=engine, diarization=TURNS)


@pytest.mark.parametrize(
    "form", ["turns", "mappings", "table", "rttm", "text path", "annotation", "output"]
)
def test_segments_and_words_get_the_speaker_who_speaks_longest(
    segments, sound, engine, tmp_path, form
):
    rows = [{"start": t.start, "end": t.end, "speaker": t.speaker} for t in TURNS]
    path = tmp_path / "any.rttm"
    path.write_text(RTTM)
    annotation = Annotation()
    for turn in TURNS:
        annotation[Span(turn.start, turn.end)] = turn.speaker
    forms = {
        "turns": TURNS,
        "mappings": rows,
        "table": pd.DataFrame(rows),
        "rttm": path,
        "text path": str(path),
        "annotation": annotation,
        "output": type("DiarizeOutput", (), {"speaker_diarization": annotation})(),
    }

    first, second = annotate_segments(segments, sound, score=engine, diarization=forms[form])

    assert (first["speaker"], second["speaker"]) == ("SPEAKER_00", "SPEAKER_01")
    assert [word["speaker"] for word in second["words"]] == ["SPEAKER_00", "SPEAKER_01"]
    assert second["emotion_flags"] == ["overlapped"]
    assert second["emotion_overlap_ratio"] == pytest.approx(0.4 / 2.5)


def test_a_diarization_is_assigned_as_whisperx_does(result, sound, engine):
    bare = copy.deepcopy(result)
    for each in [*bare["segments"], *bare["word_segments"]]:
        each.pop("speaker", None)

    annotated = annotate_segments(bare, sound, score=engine, diarization=TURNS)

    speakers = [segment.get("speaker") for segment in annotated["segments"]]
    assert speakers == ["SPEAKER_00", "SPEAKER_01", None, None, None]
    words = [word.get("speaker") for word in annotated["word_segments"]]
    assert words == [word.get("speaker") for word in result["word_segments"]]


def test_a_result_from_a_file_gets_speakers_in_both_copies_of_words(result, sound, engine):
    loaded = json.loads(json.dumps(result))

    annotated = annotate_segments(loaded, sound, score=engine, diarization=TURNS)

    assert [word.get("speaker") for word in annotated["word_segments"]] == [
        *(["SPEAKER_00"] * 5),
        *("SPEAKER_01", None),
    ]


def test_a_recording_of_an_rttm_is_chosen_by_the_name_of_the_audio(segments, write, noise, engine):
    audio = write("talk.wav", noise(6 * 16_000), 16_000)
    rttm = audio.with_suffix(".rttm")
    rttm.write_text(RTTM + "SPEAKER other 1 0.000 6.000 <NA> <NA> SPEAKER_02 <NA> <NA>\n")

    annotated = annotate_segments(segments, audio, score=engine, diarization=rttm)

    assert [each["speaker"] for each in annotated] == ["SPEAKER_00", "SPEAKER_01"]
    with pytest.raises(FormatError, match=r"'lost' .*found 'talk', 'other'"):
        annotate_segments(segments, audio.with_name("lost.wav"), score=engine, diarization=rttm)
    samples = (noise(6 * 16_000), 16_000)
    other = annotate_segments(segments, samples, score=engine, diarization=rttm, recording="other")
    assert [each["speaker"] for each in other] == ["SPEAKER_02", "SPEAKER_02"]


def test_missing_audio_is_a_reason(segments, tmp_path, engine):
    first, _ = annotate_segments(segments, tmp_path / "none.wav", score=engine)

    assert first["emotion"] is None
    assert "none.wav" in first["emotion_reason"]


@pytest.mark.parametrize(
    "transcript", ["words", {"text": "x"}, 7, [Turn(start=0, end=1)], ([], object())]
)
def test_other_objects_are_rejected(transcript, sound, engine):
    with pytest.raises(SourceError, match=r"WhisperX.*openai-whisper.*faster-whisper"):
        annotate_segments(transcript, sound, score=engine)


@pytest.mark.parametrize("source", [{"audio": "x.wav"}, {"segments": "x"}, {"segments": []}, [{}]])
def test_other_mappings_are_left_to_other_plugins(source):
    with pytest.raises(SourceError, match="plugin"):
        Plugins(installed=False).open(source, Options(audio="x.wav"))


def test_a_transcript_without_audio_is_an_error(result):
    with pytest.warns(UserWarning, match=r"Options\(audio="):
        [same] = annotate([result], score=Engine(FakeBackend()))

    assert same is result


def test_the_session_passes_the_checks_for_plugins(result, sound):
    session = Plugins(installed=False).open(result, Options(audio=sound))

    assert len(check_session(session)["segments"]) == 5


@pytest.mark.parametrize(
    ("diarization", "error", "message"),
    [
        (7, SourceError, "got int"),
        ({"a": 1}, SourceError, "got dict"),
        ([7], SourceError, "got int"),
        ([{"start": 0.0, "end": 1.0}], SourceError, r"speaker, got \{'start': 0\.0"),
        ([{"start": "x", "end": 1.0, "speaker": "a"}], SourceError, r"speaker, got \{'start': 'x'"),
        ([{"start": 2.0, "end": 1.0, "speaker": "a"}], InvalidTurnError, r"2\.0 to 1\.0"),
    ],
)
def test_other_objects_are_rejected_as_diarization(diarization, error, message):
    with pytest.raises(error, match=message):
        read_speaker_turns(diarization)


def test_an_empty_rttm_has_no_speakers(tmp_path):
    (tmp_path / "empty.rttm").write_text("")

    assert read_speaker_turns(tmp_path / "empty.rttm").dominant(0.0, 9.0) is None


times = st.integers(0, 20).map(lambda tenths: tenths / 10)
spans = st.tuples(times, times).map(sorted)


@given(
    turns=st.lists(st.tuples(spans, st.sampled_from("abc")), max_size=8),
    span=spans,
)
def test_the_dominant_speaker_speaks_longest(turns, span):
    """As in WhisperX: the speaker with most seconds, in a tie the one who starts first."""
    given_turns = [Turn(start=s, end=e, speaker=speaker) for (s, e), speaker in turns]
    seconds = {}
    for turn in sorted(given_turns, key=lambda turn: turn.start):
        shared = min(turn.end, span[1]) - max(turn.start, span[0])
        if shared > 0:
            seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + shared
    expected = max(seconds, key=seconds.get, default=None)

    speakers = SpeakerTurns(given_turns)

    assert speakers.dominant(*span) == expected
    if expected is not None:
        others = speakers.others(expected, *span)
        assert sum(e - s for s, e in others) == pytest.approx(
            sum(seconds.values()) - seconds[expected]
        )


def test_frames_are_refused_and_labelled_segments_get_embeddings():
    segments = [{"text": "a", "start": 0, "end": 1, "emotion": "sad"}]
    samples = (tone(2.0), 16_000)

    with pytest.raises(OptionsError, match="frames"):
        annotate_segments(
            segments,
            samples,
            score=Engine(FakeBackend(), granularity="frame"),
            options=Options(frames=True),
        )
    [found] = annotate_segments(
        segments, samples, score=Engine(FakeBackend()), options=Options(embeddings=True)
    )

    assert found["emotion"] == "sad"
    assert len(found["emotion_embedding"]) == FakeBackend().width
