"""Small folders in the layouts of the corpora's publishers, and the recipes that read them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile

from support.paths import ROOT

FOLDER = ROOT / "examples" / "corpora"
sys.path.append(str(FOLDER))  # as Python does for the script

from make import main  # noqa: E402 - the path is needed
from recipes import CORPORA  # noqa: E402
from recipes.manifest import write_manifest  # noqa: E402

from emo2vec_plugins import LabelMap  # noqa: E402
from emo2vec_plugins.integrations.lhotse import read_cuts  # noqa: E402

__all__ = [
    "CORPORA",
    "FOLDER",
    "TREES",
    "LabelMap",
    "made",
    "main",
    "put",
    "sounds",
    "turn",
    "write_manifest",
]


def put(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a text file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def sounds(folder: Path, *names: str, channels: int = 1) -> None:
    """Write short noises with these names; the format is WAV, whatever the suffix."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (1600, channels))
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise, 16000, format="WAV")


def made(corpus: str, folder: Path, *options: str, out: Path | None = None) -> list:
    """Return the cuts that the command writes for a folder, beside it unless *out* is given."""
    out = out or folder.parent / "made.jsonl.gz"
    main([corpus, str(folder), str(out), "--overwrite", *options])
    return read_cuts(out)


def turn(corpus: str, folder: Path, name: str, *options: str) -> dict:
    """Return the values of one turn's supervision that do not depend on its sound."""
    cuts = {cut.id: cut for cut in made(corpus, folder, *options)}
    (found,) = cuts[name].supervisions
    values = found.to_dict()
    return {key: values[key] for key in values if key not in _OF_SOUND}


_OF_SOUND = ("id", "recording_id", "start", "duration", "channel")


def emodb(folder: Path) -> None:
    sounds(folder, "wav/03a01Wa.wav", "wav/08b02Ta.wav", "wav/08b02Lb.wav")


def cremad(folder: Path) -> None:
    names = ("1001_DFA_ANG_XX", "1002_IEO_HAP_HI")
    sounds(folder, *(f"AudioWAV/{name}.wav" for name in names))
    put(
        folder / "SentenceFilenames.csv",
        '"Stimulus_Number","Filename"\n1,"1001_DFA_ANG_XX"\n2,"1002_IEO_HAP_HI"\n',
    )
    put(
        folder / "VideoDemographics.csv",
        '"ActorID","Age","Sex","Race","Ethnicity"\n'
        '1001,51,"Male","Caucasian","Not Hispanic"\n1002,21,"Female","Caucasian","Hispanic"\n',
    )
    put(
        folder / "processedResults" / "tabulatedVotes.csv",
        '"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote"\n'
        '"100001",7,1,0,0,2,0,"1001_DFA_ANG_XX",10,0.7,"A"\n'
        '"200001",0,9,0,0,0,0,"1001_DFA_ANG_XX",9,1,"D"\n'
        '"300001",9,0,0,0,0,0,"1001_DFA_ANG_XX",9,1,"A"\n',
    )


def ravdess(folder: Path) -> None:
    sounds(folder, "Actor_01/03-01-05-01-01-01-01.wav", "Actor_02/03-01-01-01-02-01-02.wav")
    sounds(folder, "Actor_02/03-01-02-01-02-01-02.wav", "Actor_02/03-02-05-01-02-01-02.wav")


def emogator(folder: Path) -> None:
    sounds(folder, "data/mp3/000001-28-1.mp3", "data/mp3/000002-01-3.mp3")
    sounds(folder, "data/mp3/000357-18-2.mp3", channels=2)


def nemo(folder: Path) -> None:
    sounds(folder, "samples/WR0_surprised_64.wav", "samples/EB0_neutral_13.wav")
    put(
        folder / "data.tsv",
        "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
        "WR0_surprised_64.wav\tsurprised\tUcho „wykrywa” dźwięki.\tucho\t        WR0\tmale\t23\n"
        "EB0_neutral_13.wav\tneutral\tInteresuje mnie.\tinteresuje\t        EB0\tfemale\t27\n",
    )


def emospeech(folder: Path) -> None:
    known, unknown = "97ce11ca5bcd7ebe", "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f"
    sounds(folder, f"webservice/bacho-safe-calm-1563001926035-{known}.wav")
    sounds(folder, f"Near Lake/unknown-glass break-happy-1561964984.68-{unknown}.wav")
    sounds(folder, f"House/background-scream-fearful-20190714132118-{unknown}.wav")


def msp_podcast(folder: Path) -> None:
    names = [f"MSP-PODCAST_0001_{number:04}.wav" for number in (8, 9, 11)]
    sounds(folder, *(f"Audios/{name}" for name in names))
    put(
        folder / "Labels" / "labels_consensus.csv",
        "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
        f"{names[0]},N,2.2,4.0,2.6,30,Male,Train\n"
        f"{names[1]},H,3.7,3.5,3.7,Unknown,Unknown,Development\n"
        f"{names[2]},X,4.1,4.7,4.0,39,Female,Test1\n",
    )
    put(
        folder / "Labels" / "labels_detailed.csv",
        "FileName,EmoDetail\n"
        f'{names[0]},"WORKER00000001; Other-confused; Confused; A:3.0; V:3.0; D:4.0;"\n'
        f'{names[0]},"WORKER00000018; Neutral; Neutral; A:1.0; V:4.0; D:2.0;"\n'
        f'{names[0]},"WORKER00000021; Contempt; Neutral,Annoyed; A:3.0; V:4.0; D:2.0;"\n'
        f'{names[0]},"WORKER00000028; Neutral; Neutral; A:2.0; V:4.0; D:3.0;"\n',
    )
    put(folder / "Transcripts" / "MSP-PODCAST_0001_0008.txt", "So what?\n")


def iemocap(folder: Path) -> None:
    session, name = folder / "Session1", "Ses01F_impro01"
    sounds(session, *(f"sentences/wav/{name}/{name}_{turn}.wav" for turn in ("F000", "M001")))
    put(
        session / "dialog" / "EmoEvaluation" / f"{name}.txt",
        "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
        f"[6.2901 - 8.2357]\t{name}_F000\texc\t[2.5000, 2.5000, 2.5000]\n"
        "C-E2:\tExcited;\t()\nC-E3:\tHappiness; Surprise;\t(so: loud)\nC-E4:\tFrustration;\t()\n"
        "C-F1:\tAnger;\t(curious)\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"
        f"[10.0100 - 11.3925]\t{name}_M001\txxx\t[2.5000, 2.5000, 2.5000]\n"
        "C-E2:\tNeutral;\t()\nC-E3:\tNeutral state;\t()\nC-M1:\tSadness;\t()\n",
    )
    put(session / "dialog" / "EmoEvaluation" / f"._{name}.txt", "\0\5\26", "latin-1")
    put(
        session / "dialog" / "transcriptions" / f"{name}.txt",
        f"{name}_F000 [006.2901-008.2357]: Excuse me.\n{name}_MXX0 [007.5-010.4]: Do you?\n",
    )


def meld(folder: Path) -> None:
    head = (
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,"
        "StartTime,EndTime\n"
    )
    row = '1,"Well, it\x92s {word}",Phoebe,joy,positive,0,0,4,7,"00:20:57,256","00:21:00,049"\n'
    put(folder / "train" / "train_sent_emo.csv", head + row.format(word="train"))
    put(folder / "dev_sent_emo.csv", head + row.format(word="dev"))
    put(folder / "test_sent_emo.csv", head + row.format(word="test"))
    sounds(folder, "train/train_splits/dia0_utt0.wav", "dev/dev_splits_complete/dia0_utt0.wav")
    sounds(folder, "test/output_repeated_splits_test/dia0_utt0.mp4")


def picovoice(folder: Path) -> None:
    sounds(folder, "audio/smart mirror/007b3f76.wav", "audio/alexa/0.flac", "audio/jarvis/0.wav")


def mycroft(folder: Path) -> None:
    sounds(folder, "hey-computer/en-us/computer-1.wav", "not-wake-words/noises/noise-1.wav")
    sounds(folder, "computer/not-wake-words/es/IWant/notwakeword-2.wav", "K9 1.wav")
    sounds(folder, "heysavant/wake-word/en/heysavant-en-3.wav")
    put(folder / "computer/not-wake-words/es/metadata.csv", "notwakeword-2.wav, quiero,es\n\n\n")


TREES = {
    make.__name__: make
    for make in (
        *(emodb, cremad, ravdess, emogator, nemo, emospeech, msp_podcast, iemocap, meld),
        *(picovoice, mycroft),
    )
}
"""What makes the folder of each corpus."""
