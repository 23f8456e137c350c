"""A transcript: what was said is known, and who said it; how it was said is added.

    python examples/whisper_segments.py

The transcript is made up, in the objects that faster-whisper gives, or as WhisperX has it if
faster-whisper is not installed. The conversation comes with pyannote.audio; nothing is downloaded.
"""

from __future__ import annotations

from typing import Any

from emo2vec_plugins import Engine, load_model
from emo2vec_plugins.integrations.whisper import annotate_segments
from emo2vec_plugins.testing import sample_conversation

SAID = [
    (8.32, 10.02, " I thought you had called her."),
    (10.57, 14.70, " No, why would I? It was you who wanted to."),
    (21.78, 28.50, " That is not how I remember it, but let it be."),
]


def transcribed() -> Any:
    """Return what ``WhisperModel(...).transcribe(...)`` would."""
    try:
        from faster_whisper.transcribe import Segment
    except ImportError:
        segments = [{"start": start, "end": end, "text": text} for start, end, text in SAID]
        return {"segments": segments, "language": "en"}
    known = {"seek": 0, "tokens": [], "avg_logprob": -0.2, "compression_ratio": 1.0}
    known |= {"no_speech_prob": 0.01, "words": None, "temperature": 0.0}
    return (
        Segment(id=number, start=start, end=end, text=text, **known)
        for number, (start, end, text) in enumerate(SAID, 1)
    )


def main() -> None:
    audio, rttm = sample_conversation()
    engine = Engine(load_model("tiny"))

    result = annotate_segments(transcribed(), audio, score=engine, diarization=rttm)

    segments = result["segments"] if isinstance(result, dict) else result
    for segment in segments:
        emotion = f"{segment['emotion']} {segment['emotion_score']:.2f}"
        print(f"{segment['start']:6.2f} s  {segment['speaker']}  {emotion:14} {segment['text']}")

    assert [each["speaker"] for each in segments] == ["speaker90", "speaker90", "speaker91"]
    assert all(each["emotion"] in engine.labels.names for each in segments)
    assert "overlapped" in segments[1]["emotion_flags"]


if __name__ == "__main__":
    main()
