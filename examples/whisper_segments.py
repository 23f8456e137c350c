"""Add an emotion and a speaker to every segment of a transcript.

    python examples/whisper_segments.py

The transcript is invented. It consists of faster-whisper's objects, or of WhisperX's dicts if
faster-whisper is not installed. The meeting and the model ship with this package; nothing is
downloaded.
"""

from __future__ import annotations

from typing import Any

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.integrations.whisper import annotate_segments
from emo2vec_plugins.testing import sample_conversation

SEGMENTS = [
    (1.44, 6.0, " I thought you had called her."),
    (13.4, 16.9, " No, why would I? It was you who wanted to."),
    (21.95, 26.2, " That is not how I remember it, but let it be."),
]


def transcribed() -> Any:
    """Return segments like those of ``WhisperModel(...).transcribe(...)``."""
    try:
        from faster_whisper.transcribe import Segment
    except ImportError:
        segments = [{"start": start, "end": end, "text": text} for start, end, text in SEGMENTS]
        return {"segments": segments, "language": "en"}
    known = {"seek": 0, "tokens": [], "avg_logprob": -0.2, "compression_ratio": 1.0}
    known |= {"no_speech_prob": 0.01, "words": None, "temperature": 0.0}
    return (
        Segment(id=number, start=start, end=end, text=text, **known)
        for number, (start, end, text) in enumerate(SEGMENTS, 1)
    )


def main() -> None:
    audio, rttm = sample_conversation()
    engine = Engine(load_model("tiny"))

    result = annotate_segments(transcribed(), audio, score=engine, diarization=rttm)

    segments = result["segments"] if isinstance(result, dict) else result
    for segment in segments:
        emotion = f"{segment['emotion']} {segment['emotion_score']:.2f}"
        print(f"{segment['start']:6.2f} s  {segment['speaker']}  {emotion:14} {segment['text']}")

    assert [each["speaker"] for each in segments] == ["MEE009", "MEE012", "MEE009"]
    assert all(each["emotion"] in engine.labels.names for each in segments)
    assert "overlapped" in segments[2]["emotion_flags"]


if __name__ == "__main__":
    main()
