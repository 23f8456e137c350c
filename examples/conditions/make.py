"""Write altered copies of labelled speech: with noise, in rooms, through codecs, cut short.

    python examples/conditions/make.py test.jsonl.gz altered --label-map labels.yaml
    emo2vec evaluate altered/cuts.jsonl --label-map labels.yaml --model mine --by condition

Every turn is written once for each condition, as a 16 kHz WAV file, and ``altered/cuts.jsonl`` has a
cut for each file. The supervision is that of the turn, with the name of the condition in the custom
field ``condition``. ``conditions.yaml`` beside this script has the conditions: fields of a training
recipe, see docs/fine-tuning.md. Rooms need the extra ``rooms``.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from lhotse import MonoCut, Recording

from emo2vec_plugins import LabelMap
from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray, counted, shown
from emo2vec_plugins.errors import Emo2vecError, OptionsError, naming
from emo2vec_plugins.files import read_yaml, write_whole
from emo2vec_plugins.integrations.lhotse import read_cuts
from emo2vec_plugins.training import Augmenter, Example, Recipe, read_examples

CONDITIONS = Path(__file__).with_name("conditions.yaml")

KEPT = 500
"""Number of turns in memory, of which babble is mixed."""


def altered(
    examples: Sequence[Example], conditions: Mapping[str, Augmenter], out: Path, *, seed: int
) -> Iterator[MonoCut]:
    """Write each turn under each condition, and yield the cuts."""
    for place, (name, augmenter) in enumerate(conditions.items()):
        for number, example in enumerate(examples):
            waveform = augmenter(example.read(), np.random.default_rng([seed, place, number]))
            path = out / f"condition-{place}" / f"{number:06}.wav"
            write_wav(path, waveform.numpy())
            yield cut_of(path, f"{example.id}-{place}", example, name)


def write_wav(path: Path, waveform: FloatArray) -> None:
    """Write floats, which noise may drive beyond full scale."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    soundfile.write(stream, waveform, MODEL_RATE, format="WAV", subtype="FLOAT")
    write_whole(path, stream.getvalue())


def cut_of(path: Path, name: str, example: Example, condition: str) -> MonoCut:
    """Return the cut for a file, with the supervision of its turn."""
    recording = Recording.from_file(path, recording_id=name)
    whole: dict[str, Any] = {"id": name, "start": 0.0, "duration": recording.duration, "channel": 0}
    own = example.supervision
    custom = {**(own.custom or {}), "condition": condition}
    turn = replace(own, **whole, recording_id=name, custom=custom, alignment=None)
    return MonoCut(**whole, recording=recording, supervisions=[turn])


def read_conditions(path: Path, examples: Sequence[Example], seed: int) -> dict[str, Augmenter]:
    """Return the augmentation of each condition in a YAML file."""

    @lru_cache(maxsize=KEPT)
    def read(index: int) -> FloatArray:
        return examples[index].read()

    def draw(rng: np.random.Generator, samples: int) -> FloatArray:
        turn = read(int(rng.integers(len(examples))))
        return np.resize(np.roll(turn, -int(rng.integers(len(turn)))), samples)

    def augmenter(name: str, fields: Any) -> Augmenter:
        with naming(f"condition {shown(name)}"):
            if not isinstance(fields, dict):
                raise OptionsError(f"expected fields of a recipe, got {shown(fields)}")
            recipe = Recipe.from_dict({"tune": "new", "seed": seed, **fields})
            return Augmenter(recipe, normalize=False, turns=draw)

    return read_yaml(
        path,
        lambda given: {str(name): augmenter(name, fields) for name, fields in given.items()},
        expected="a mapping of names to fields of a recipe, such as 'noise: {noise: [10, 10]}'",
        wrong=OptionsError,
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    found = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("cuts", type=Path, help="a .jsonl or .jsonl.gz of cuts with labels")
    found.add_argument("out", type=Path, help="the folder to create")
    found.add_argument("--label-map", type=Path, help="as for emo2vec evaluate")
    found.add_argument("--conditions", type=Path, default=CONDITIONS, help="a YAML file")
    found.add_argument("--seed", type=int, default=0, help="of noises, rooms and levels")
    return found


def main(words: list[str] | None = None) -> None:
    """Write the files and the manifest."""
    given = parser().parse_args(words)
    try:
        if given.out.exists():
            sys.exit(f"error: {given.out} exists; choose a new folder")
        label_map = LabelMap.read(given.label_map) if given.label_map else None
        with naming(given.cuts):
            examples = read_examples(
                read_cuts(given.cuts), label_map=label_map, skip_unlabelled=True
            )
        conditions = read_conditions(given.conditions, examples, given.seed)
        cuts = altered(examples, conditions, given.out, seed=given.seed)
        lines = [json.dumps(cut.to_dict(), ensure_ascii=False) + "\n" for cut in cuts]
        write_whole(given.out / "cuts.jsonl", "".join(lines))
    except (Emo2vecError, OSError) as error:
        sys.exit(f"error: {error}")
    turns, kinds = counted(len(examples), "turn"), counted(len(conditions), "condition")
    print(f"wrote {turns} under {kinds} to {given.out / 'cuts.jsonl'}")


if __name__ == "__main__":
    main()
