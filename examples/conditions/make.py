"""Write altered copies of labelled speech: with noise, in rooms, through codecs, cut short.

    python examples/conditions/make.py test.jsonl.gz altered --label-map labels.yaml
    emo2vec evaluate altered/cuts.jsonl --label-map labels.yaml --model mine --by condition

Every turn is written once for each condition, as a 16 kHz WAV file, and ``altered/cuts.jsonl`` has a
cut for each file. The supervision is that of the turn, with the name of the condition in the custom
field ``condition``. ``conditions.yaml`` beside this script has the conditions: augmentations of a
training recipe and their settings, see docs/fine-tuning.md. Rooms need the extra ``rooms``.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from lhotse import AudioSource, MonoCut, Recording

from emo2vec_plugins import LabelMap
from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray, counted, shown
from emo2vec_plugins.errors import Emo2vecError, FormatError, OptionsError, naming
from emo2vec_plugins.files import disk, read_yaml, staging
from emo2vec_plugins.integrations.lhotse import read_cuts
from emo2vec_plugins.training import (
    SETTINGS,
    Augmenter,
    Example,
    Recipe,
    looped,
    read_examples,
)

CONDITIONS = Path(__file__).with_name("conditions.yaml")

FIELD = "condition"
"""Custom field with the name of the condition."""

KEPT = 500
"""Number of turns in memory, of which babble is mixed."""


class OtherTurns:
    """Draws stretches of turns for babble, but never of the turn that is altered.

    Attributes:
        altered: Index of that turn.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        self.altered = 0
        self._others = len(examples) - 1
        self._read = lru_cache(maxsize=KEPT)(lambda index: examples[index].read())

    def __call__(self, rng: np.random.Generator, samples: int) -> FloatArray:
        """Return so many samples of a random turn."""
        if not self._others:
            raise OptionsError("babble needs at least two turns, got one")
        index = int(rng.integers(self._others))
        return looped(self._read(index + (index >= self.altered)), rng, samples)


def write_altered(
    examples: Sequence[Example],
    conditions: Mapping[str, Augmenter],
    others: OtherTurns,
    out: Path,
    *,
    seed: int,
) -> None:
    """Write each turn under each condition, and the manifest; all of it or nothing."""
    with staging(out) as part:
        disk.make_folder(part)
        for place in range(len(conditions)):
            disk.make_folder(part / folder_of(place))
        with disk.open_file(part / "cuts.jsonl") as manifest:
            for number, example in enumerate(examples):
                others.altered = number
                waveform = example.read()
                for place, (name, augmenter) in enumerate(conditions.items()):
                    rng = np.random.default_rng([seed, place, number])
                    changed = augmenter(waveform, rng).numpy()
                    path = Path(folder_of(place), f"{number:06}.wav")
                    write_wav(part / path, changed)
                    cut = cut_of(out / path, len(changed), f"{example.id}-{place}", example, name)
                    line = json.dumps(cut.to_dict(), ensure_ascii=False)
                    manifest.write(line.encode() + b"\n")


def folder_of(place: int) -> str:
    """Return the folder of a condition; its name may have any characters."""
    return f"condition-{place}"


def write_wav(path: Path, waveform: FloatArray) -> None:
    """Write floats, which noise may drive beyond full scale."""
    stream = io.BytesIO()
    soundfile.write(stream, waveform, MODEL_RATE, format="WAV", subtype="FLOAT")
    with disk.open_file(path) as file:
        file.write(stream.getvalue())


def cut_of(path: Path, samples: int, name: str, example: Example, condition: str) -> MonoCut:
    """Return the cut for a file that is not there yet, with the supervision of its turn."""
    duration = samples / MODEL_RATE
    source = AudioSource(type="file", channels=[0], source=str(path))
    recording = Recording(name, [source], MODEL_RATE, samples, duration)
    whole: dict[str, Any] = {"id": name, "start": 0.0, "duration": duration, "channel": 0}
    own = example.supervision
    custom = {**(own.custom or {}), FIELD: condition}
    turn = replace(own, **whole, recording_id=name, custom=custom, alignment=None)
    return MonoCut(**whole, recording=recording, supervisions=[turn])


def read_turns(path: Path, label_map: LabelMap | None) -> tuple[list[Example], int]:
    """Return the labelled turns of a manifest, and how many turns it has in all."""
    with naming(path):
        cuts = read_cuts(path)
        examples = read_examples(cuts, label_map=label_map, skip_unlabelled=True)
        for example in examples:
            if FIELD in (example.supervision.custom or {}):
                raise FormatError(
                    f"turn {shown(example.id)}: has a custom field {FIELD!r} already, which this "
                    "would replace; rename it"
                )
    return examples, sum(len(cut.supervisions) for cut in cuts)


def read_conditions(path: Path, others: OtherTurns, seed: int) -> dict[str, Augmenter]:
    """Return the augmentation of each condition in a YAML file; paths are relative to the file."""
    if not path.is_file():
        raise OptionsError(f"{path}: expected a YAML file, there is no such file")

    def augmenter(name: str, fields: Any) -> Augmenter:
        with naming(f"condition {shown(name)}"):
            if not isinstance(fields, dict):
                raise OptionsError(f"expected fields of a recipe, got {shown(fields)}")
            recipe = Recipe.from_dict({"tune": "new", "seed": seed, **fields})
            check_effect(recipe, fields)
            sounds = recipe.sounds and str(path.parent / recipe.sounds)
            return Augmenter(replace(recipe, sounds=sounds), normalize=False, turns=others)

    def augmenters(given: dict[Any, Any]) -> dict[str, Augmenter]:
        if not given:
            raise OptionsError("expected at least one condition, found none")
        if other := [name for name in given if not isinstance(name, str)]:
            raise OptionsError(
                f"expected text as a name, found {shown(other[0])}; put it in quotes"
            )
        return {name: augmenter(name, fields) for name, fields in given.items()}

    return read_yaml(
        path,
        augmenters,
        expected="a mapping of names to fields of a recipe, such as 'noise: {noise: [10, 10]}'",
        wrong=OptionsError,
    )


def check_effect(recipe: Recipe, fields: Mapping[str, Any]) -> None:
    """Raise an error for a field that changes no sound."""
    idle = [name for name in fields if name not in {*recipe.augments, *SETTINGS, "chance"}]
    if idle:
        raise OptionsError(
            f"expected augmentations and their settings, but {', '.join(idle)} would change no "
            "sound; remove it"
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
    """Write the files and the manifest; print how many, and what was left out."""
    given = parser().parse_args(words)
    try:
        if given.out.exists():
            sys.exit(f"error: {given.out} exists; choose a new folder")
        label_map = LabelMap.read(given.label_map) if given.label_map else None
        examples, turns = read_turns(given.cuts, label_map)
        others = OtherTurns(examples)
        conditions = read_conditions(given.conditions, others, given.seed)
        write_altered(examples, conditions, others, given.out, seed=given.seed)
    except (Emo2vecError, OSError) as error:
        sys.exit(f"error: {error}")
    written, kinds = counted(len(examples), "turn"), counted(len(conditions), "condition")
    print(f"wrote {written} under {kinds} to {given.out / 'cuts.jsonl'}")
    if left_out := turns - len(examples):
        print(f"left out {counted(left_out, 'turn')}: unlabelled, mapped to null, or too short")


if __name__ == "__main__":
    main()
