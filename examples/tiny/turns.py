"""Print how loud and how high each turn of a recording is, beside what a model says.

    python examples/tiny/turns.py meeting.wav meeting.rttm MODEL

Loudness is relative to the recording's median turn, from the louder half of a turn's frames. Pitch
is the median of voiced frames, by librosa, from the extra ``funasr``.
"""

from __future__ import annotations

import sys

import librosa
import numpy as np
import soundfile

from emo2vec_plugins import Engine, annotate_diarization, load_model

RATE = 16_000


def loudness(samples: np.ndarray) -> float:
    """Return the level of the louder half of the frames, in dB."""
    frames = librosa.feature.rms(y=samples, frame_length=640, hop_length=320)[0]
    return float(20 * np.log10(np.sort(frames)[len(frames) // 2 :].mean() + 1e-9))


def pitch(samples: np.ndarray) -> str:
    """Return the median pitch in Hz, or - if no frame is voiced."""
    found, voiced, _ = librosa.pyin(samples, fmin=65, fmax=500, sr=RATE, frame_length=1024)
    return f"{np.median(found[voiced]):.0f}" if voiced.any() else "-"


def main(audio: str, rttm: str, model: str) -> None:
    """Print a Markdown table with a row for each turn."""
    samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
    samples = librosa.resample(samples.mean(axis=1), orig_sr=rate, target_sr=RATE)
    meeting = annotate_diarization(rttm, audio, score=Engine(load_model(model)))
    turns = meeting.emotions.turns
    parts = [samples[int(t.turn.start * RATE) : int(t.turn.end * RATE)] for t in turns]
    levels = np.array([loudness(part) for part in parts])
    print("| start | seconds | speaker | loudness, dB | pitch, Hz | scores | doubt |")
    print("|---:|---:|---|---:|---:|---|---:|")
    for scored, part, level in zip(turns, parts, levels - np.median(levels), strict=True):
        turn, emotion = scored.turn, scored.emotion
        scores = sorted(emotion.scores.items(), key=lambda item: -item[1])[:2]
        said = ", ".join(f"{label} {score:.2f}" for label, score in scores) or emotion.reason
        doubt = "-" if emotion.doubt is None else f"{emotion.doubt:.2f}"
        cells = (f"{turn.start:.1f}", f"{turn.duration:.1f}", turn.speaker, f"{level:+.0f}")
        print("|", " | ".join((*cells, pitch(part), said, doubt)), "|")


if __name__ == "__main__":
    main(*sys.argv[1:])
