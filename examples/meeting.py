"""Add emotions to the speaker turns of a meeting, from an RTTM.

    python examples/meeting.py

The meeting, its turns and the model ship with this package; nothing is downloaded. In place of the
RTTM you can pass an ``Annotation``, or the output of a pyannote pipeline.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pyannote.database.util import load_rttm

from emo2vec_plugins import Engine, Options, annotate_diarization, load_model
from emo2vec_plugins.formats import read_bundle, write_bundle
from emo2vec_plugins.report import write_page
from emo2vec_plugins.testing import sample_conversation


def main(folder: Path) -> None:
    audio, rttm = sample_conversation()
    engine = Engine(load_model("tiny"))

    # The speakers overlap: leave out the frames where both speak.
    meeting = annotate_diarization(rttm, audio, score=engine, options=Options(overlap="exclude"))

    for scored in meeting.emotions.turns:
        turn, emotion = scored.turn, scored.emotion
        shown = f"{emotion.label} {emotion.score:.2f}" if emotion.label else emotion.reason
        flags = ", ".join(emotion.flags)
        print(f"{turn.start:6.2f} to {turn.end:5.2f} s  {turn.speaker}  {shown}  {flags}")

    print("\nseconds of each speaker and emotion, from the Annotation:")
    for label, seconds in meeting.speaker_emotion_diarization.chart():
        print(f"{seconds:6.2f}  {label}")

    bundle = write_bundle(meeting.emotions, folder, rttm=rttm.read_text("utf-8"))
    print("\nfiles that other tools open:")
    for path in (bundle.rttm, bundle.emotion_rttm, bundle.spkemo_rttm, bundle.emotions_jsonl):
        print(f"  {path.name}")

    page = folder / "meeting.html"
    sound = write_page(meeting.emotions, page, audio=audio)
    print(
        f"  {page.name}, a page for a browser that plays the turns, {page.stat().st_size:,} bytes"
    )
    assert sound.seconds == 30.0

    again = load_rttm(bundle.emotion_rttm)[meeting.emotions.recording]
    assert again.labels() == meeting.emotion_diarization.labels()
    assert read_bundle(folder, meeting.emotions.recording) == meeting.emotions


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        main(Path(temporary))
