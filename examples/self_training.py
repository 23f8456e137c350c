"""Self-training on a small scale: few labels, pseudo-labels for the rest, and a second model.

    python examples/self_training.py
    python examples/self_training.py --data emodb.jsonl.gz --label-map examples/tiny/labels.yaml

Each speaker has one of three roles: labelled, hidden (their labels are not used) or unseen. A first
model is trained on the labelled speakers. It labels the hidden ones where it can be trusted. A
second model is trained on both, in the same way and with as many updates. Both models are evaluated
on the unseen speakers. ``--ceiling`` adds a third model that is trained with the hidden labels; it
shows what people's labels would have added. Then the speakers change roles, until all were unseen
once.

Without ``--data`` the speech is synthetic. It says nothing about emotion and only shows the steps:
a head is trained on the embeddings of ``--model``, which is quick. With ``--data`` a network is
trained from scratch, unless ``--model`` names a model. Do not use a model that was trained on your
data: ``tiny``, which ships with the package, was trained on all of EmoDB.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import yaml
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

from emo2vec_plugins import Engine, LabelMap, load_model
from emo2vec_plugins.evaluation import Prediction, evaluate, intervals, units_of
from emo2vec_plugins.integrations.lhotse import labelled_turns
from emo2vec_plugins.models import Config, to_document
from emo2vec_plugins.training import (
    Recipe,
    Resources,
    Split,
    Trust,
    predict_examples,
    pseudo_label_manifest,
    read_examples,
    train,
)

RATE = 16_000
MANNERS = {
    # relative pitch, pitch movement, syllables per second, decay of the harmonics
    "angry": (1.35, 0.10, 6.0, 0.6),
    "happy": (1.45, 0.30, 5.0, 1.0),
    "neutral": (1.00, 0.05, 4.0, 1.2),
    "sad": (0.90, 0.05, 2.5, 1.8),
}

HEAD = Recipe(tune="head", batch_turns=16)
NEW = Recipe(
    tune="new",
    front_end="filter-bank",
    batch_turns=12,
    noise=(15.0, 50.0),
    speed=(0.88, 1.12),
    crop=(0.35, 0.65),
    tilt=0.4,
)


NETWORK = Config(
    width=96,
    heads=4,
    prenet_depth=1,
    depth=2,
    conv_layers=((160, 240, 40), (80, 5, 8), (320, 1, 1), (80, 1, 1)),
    position_depth=3,
    position_width=57,
)
"""A network with half a million weights. Its front end starts as a filter bank of 40 bands."""


@dataclass(frozen=True)
class Roles:
    """The roles of the speakers in one round."""

    labelled: list[str]
    hidden: list[str]
    unseen: list[str]


def main() -> None:
    """Run all rounds and report the results."""
    given = arguments()
    with TemporaryDirectory() as temporary:
        work = Path(given.work or temporary)
        work.mkdir(parents=True, exist_ok=True)
        if given.data is None:
            print("The speech is SYNTHETIC: figures show that the steps work, nothing else.\n")
            cuts = CutSet.from_cuts(voices(work / "wav"))
        else:
            cuts = labelled_cuts(CutSet.from_file(given.data), given.label_map)
        base = given.model or ("tiny" if given.data is None else None)
        resources = Resources(base=load_model(base) if base else None, cache=work / "embeddings")
        recipe = replace(NEW, network=str(network(work))) if base is None else HEAD
        updates = given.updates or (300 if base is None else 150)
        trust = Trust(min_confidence=given.min_confidence, max_ratio=given.max_ratio)
        results: dict[str, list[Prediction]] = {"before": [], "after": []}
        if given.ceiling:
            results["people"] = []
        given_out = np.zeros(3, dtype=int)
        for number, roles in enumerate(deal(speakers_of(cuts), given.rounds)):
            folder = work / f"round-{number}"
            folder.mkdir(exist_ok=True)
            print(f"round {number}: labelled {roles.labelled}, unseen {roles.unseen}")
            given_out += one_round(folder, cuts, roles, recipe, updates, resources, trust, results)
        report(results, given_out)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Train, pseudo-label, train again, and compare.")
    parser.add_argument("--data", help="manifest of cuts with labels and speakers")
    parser.add_argument("--label-map", help="YAML file that translates the corpus's label names")
    parser.add_argument("--model", help="train a head on this model's embeddings")
    parser.add_argument("--updates", type=int, help="number of batches to train each model on")
    parser.add_argument(
        "--rounds", type=int, help="number of rounds, each with other unseen speakers; at least 3"
    )
    parser.add_argument("--min-confidence", type=float, default=0.7)
    parser.add_argument("--max-ratio", type=float, default=1.5)
    parser.add_argument("--ceiling", action="store_true", help="also train on the hidden labels")
    parser.add_argument("--work", help="folder to keep models and manifests in, and to resume from")
    given = parser.parse_args()
    given.rounds = given.rounds or (3 if given.data is None else 4)
    if given.rounds < 3:
        parser.error("--rounds must be at least 3: labelled, hidden and unseen speakers")
    return given


def labelled_cuts(cuts: CutSet, label_map: str | None) -> CutSet:
    """Return cuts with one supervision each, and with this package's label names."""
    names = LabelMap.read(label_map) if label_map else None
    turns = labelled_turns(cuts.trim_to_supervisions(), label_map=names)
    return CutSet.from_cuts(
        replace(turn.cut, supervisions=[turn.supervision.with_custom("emotion", turn.label)])
        for turn in turns
    )


def speakers_of(cuts: CutSet) -> list[str]:
    """Return the names of the speakers, sorted."""
    return sorted({supervision.speaker for cut in cuts for supervision in cut.supervisions})


def network(folder: Path) -> Path:
    """Write the configuration of the new network and return its path."""
    path = folder / "network.yaml"
    path.write_text(yaml.safe_dump(to_document(NETWORK, sorted(MANNERS))), "utf-8")
    return path


def deal(speakers: Sequence[str], rounds: int) -> Iterator[Roles]:
    """Yield the roles of each round: one share of the speakers is unseen, the next one labelled."""
    shares = [list(share) for share in np.array_split(speakers, rounds)]
    for number, unseen in enumerate(shares):
        labelled = shares[(number + 1) % rounds]
        hidden = [each for each in speakers if each not in labelled and each not in unseen]
        yield Roles([str(s) for s in labelled], hidden, [str(s) for s in unseen])


def of(cuts: CutSet, speakers: Sequence[str]) -> CutSet:
    """Return the cuts of *speakers*."""
    return cuts.filter(lambda cut: cut.supervisions[0].speaker in speakers).to_eager()


def one_round(
    folder: Path,
    cuts: CutSet,
    roles: Roles,
    recipe: Recipe,
    updates: int,
    resources: Resources,
    trust: Trust,
    results: dict[str, list[Prediction]],
) -> np.ndarray:
    """Train, label and train again.

    Returns:
        The number of hidden turns, of labelled ones among them, and of correctly labelled ones.
    """
    few, hidden = of(cuts, roles.labelled), of(cuts, roles.hidden)
    unseen = read_examples(of(cuts, roles.unseen))

    def trained(name: str, material: CutSet) -> Path:
        if not (folder / name).exists():
            turns = tuple(read_examples(material, skip_unlabelled=True))
            epochs = max(1, round(updates * recipe.batch_turns / len(turns)))
            adjusted = replace(recipe, epochs=epochs)
            train(Split(train=turns), adjusted, out=folder / name, resources=resources)
        return folder / name

    before = trained("before", few)

    # The first model gets no labels of the hidden speakers; only the report uses them.
    bare, labelled = folder / "hidden.jsonl", folder / "pseudo.jsonl"
    hidden.map_supervisions(lambda turn: turn.with_custom("emotion", None)).to_file(bare)
    found = pseudo_label_manifest(bare, labelled, score=Engine(load_model(before)), trust=trust)
    reasons = ", ".join(f"{count} by {name}" for name, count in found.first.items() if count)
    print(
        f"  {found.accepted} labels {dict(found.accepted_by_class)}; rejected {reasons or 'none'}"
    )

    pseudo = CutSet.from_file(labelled).to_eager()
    models = {"before": before, "after": trained("after", few + pseudo)}
    if "people" in results:
        models["people"] = trained("people", few + hidden)
    for name, model in models.items():
        results[name] += predict_examples(model, unseen)
    truth = {cut.id: cut.supervisions[0].emotion for cut in hidden}
    given = [(cut.id, cut.supervisions[0].emotion) for cut in pseudo]
    right = sum(truth[name] == label for name, label in given)
    return np.array([len(given), sum(label is not None for _, label in given), right])


def report(results: dict[str, list[Prediction]], given_out: np.ndarray) -> None:
    """Print the accuracy of the pseudo-labels, and their effect on unseen speakers."""
    hidden, labelled, right = given_out.tolist()
    precision = f"{100 * right / labelled:.1f} % of them correct" if labelled else "none"
    print(f"pseudo-labels: {labelled} of {hidden} hidden turns, {precision}")
    evaluations = {name: evaluate(turns, resample_by="speaker") for name, turns in results.items()}
    descriptions = {
        "before": "trained on the labelled speakers",
        "after": "also on pseudo-labels",
        "people": "on people's labels instead",
    }
    for name, result in evaluations.items():
        ua = result.ua
        print(
            f"{descriptions[name]:34} UA {100 * ua.value:5.1f} % "
            f"({100 * ua.low:.1f} to {100 * ua.high:.1f}), {result.speakers} unseen speakers"
        )
    for name in [name for name in results if name != "before"]:
        value, low, high = gain(results["before"], results[name])
        verdict = "a gain" if low > 0 else "a loss" if high < 0 else "no difference shown"
        print(f"{name}: {value:+.1f} points of UA ({low:+.1f} to {high:+.1f}): {verdict}")


def gain(before: Sequence[Prediction], after: Sequence[Prediction]) -> tuple[float, float, float]:
    """Return the change of UA in points, and its 95 % interval from resampling the speakers.

    Both models are evaluated on the same draws, so turns that are hard for both cancel out.
    """
    truth = np.array([turn.truth for turn in before])
    change = np.array(
        [
            float(b.label == b.truth) - float(a.label == a.truth)
            for a, b in zip(before, after, strict=True)
        ]
    )
    classes = np.stack([truth == name for name in sorted(set(truth))])

    def rise(weights: np.ndarray) -> np.ndarray:
        recalls = (weights * change) @ classes.T / (weights @ classes.T)
        return 100 * recalls.mean(axis=1, keepdims=True)

    [(low, high)] = intervals(rise, units_of(before, "speaker"), resamples=2000, seed=0)
    return float(rise(np.ones((1, len(change))))[0, 0]), low, high


def voices(folder: Path) -> Iterator[MonoCut]:
    """Write clips of eight synthetic speakers in four manners and yield their cuts."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for speaker in range(8):
        pitch, formant = 90 + 20 * speaker, 500 + 60 * rng.uniform(-1, 1)
        for emotion in MANNERS:
            for take in range(4):
                name = f"voice{speaker}-{emotion}-{take}"
                path = folder / f"{name}.wav"
                soundfile.write(path, voice(rng, pitch, formant, *MANNERS[emotion]), RATE)
                recording = Recording.from_file(path, recording_id=name)
                whole = {"id": name, "start": 0.0, "duration": recording.duration, "channel": 0}
                turn = SupervisionSegment(
                    **whole,
                    recording_id=name,
                    speaker=f"voice{speaker}",
                    custom={"emotion": emotion},
                )
                yield MonoCut(**whole, recording=recording, supervisions=[turn])


def voice(
    rng: np.random.Generator,
    pitch: float,
    formant: float,
    height: float,
    movement: float,
    tempo: float,
    fading: float,
) -> np.ndarray:
    """Return a hum of 1.5 s: harmonics below and around a formant, in syllables, with noise."""
    time = np.arange(round(1.5 * RATE)) / RATE
    height, tempo, fading = (x * rng.normal(1, 0.12) for x in (height, tempo, fading))
    sway = 1 + movement * np.sin(2 * np.pi * rng.uniform(0.5, 1.5) * time + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch * height * sway) / RATE
    harmonics = [
        np.sin(n * phase) * n**-fading * (1 + np.exp(-(((n * pitch - formant) / 200) ** 2)))
        for n in range(1, 20)
    ]
    syllables = np.sin(np.pi * tempo * time + rng.uniform(0, 3)) ** 2
    samples = np.sum(harmonics, axis=0) * syllables
    samples = samples / np.abs(samples).max() * 0.5 + rng.normal(0, 0.03, len(time))
    return samples.astype(np.float32)


if __name__ == "__main__":
    main()
