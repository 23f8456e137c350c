"""A baseline of ``tiny``: statistics with a linear model or a support vector machine.

    python examples/tiny/baseline.py emodb.jsonl.gz examples/tiny/labels.yaml

Leaves one speaker out at a time, like ``emo2vec train --leave-one-out speaker``, on the same turns.
The features of a turn are the mean, the deviation and percentiles of its mel-frequency cepstra,
pitch, loudness and spectral centroid. They are computed by librosa, from the extra ``funasr``.
"""

from __future__ import annotations

import sys

import librosa
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from emo2vec_plugins import LabelMap
from emo2vec_plugins.integrations.lhotse import read_cuts
from emo2vec_plugins.training import read_examples

RATE, HOP = 16_000, 320


def statistics(track: np.ndarray) -> np.ndarray:
    """Return mean, deviation and three percentiles of each row, shape (rows * 5,)."""
    spread = np.percentile(track, [10, 50, 90], axis=1)
    return np.concatenate([track.mean(1), track.std(1), spread.ravel()])


def features(samples: np.ndarray) -> np.ndarray:
    """Return the features of one turn, without the quietest quarter of its frames."""
    samples = (samples - samples.mean()) / samples.std()
    sizes = {"n_fft": 800, "win_length": 400, "hop_length": HOP}
    mel = librosa.feature.melspectrogram(y=samples, sr=RATE, n_mels=64, fmin=50, **sizes)
    cepstra = librosa.feature.mfcc(S=np.log(mel + 1e-3), n_mfcc=20)
    centroid = librosa.feature.spectral_centroid(y=samples, sr=RATE, **sizes)
    loudness = cepstra[:1]
    loud = loudness[0] > np.percentile(loudness, 25)
    pitch, voiced, _ = librosa.pyin(
        samples, fmin=65, fmax=600, sr=RATE, frame_length=1024, hop_length=HOP
    )
    voice = np.log2(pitch[voiced]) if voiced.any() else np.zeros(1)
    steps = np.gradient(cepstra, axis=1)[:, loud].std(1)
    tracks = (cepstra[:, loud], centroid[:, loud], loudness - loudness.max(), voice[None])
    return np.concatenate([*map(statistics, tracks), steps, [voiced.mean()]])


def main() -> None:
    """Evaluate both classifiers and print their recalls."""
    manifest, label_map = sys.argv[1:]
    turns = read_examples(read_cuts(manifest), label_map=LabelMap.read(label_map))
    table = np.stack([features(turn.read()) for turn in turns])
    truth = np.array([turn.label for turn in turns])
    speakers = np.array([turn.speaker for turn in turns])
    for kind in (
        SVC(C=3, class_weight="balanced"),
        LogisticRegression(C=0.03, class_weight="balanced", max_iter=3000),
    ):
        machine = make_pipeline(StandardScaler(), kind)
        guesses = cross_val_predict(machine, table, truth, groups=speakers, cv=LeaveOneGroupOut())
        recalls = {
            name: recall_score(truth[speakers == name], guesses[speakers == name], average="macro")
            for name in sorted(set(speakers))
        }
        print("  ".join(f"{name} {100 * recall:.1f}" for name, recall in recalls.items()))
        mean = np.mean(list(recalls.values()))
        print(f"{type(kind).__name__}: mean unweighted average recall {mean:.1%}")


if __name__ == "__main__":
    main()
