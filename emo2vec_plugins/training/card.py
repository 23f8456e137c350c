"""The model card: what a model was made from, how, how accurate it is, and what it is not for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import Any

import torch
import yaml

from emo2vec_plugins._version import __version__
from emo2vec_plugins.evaluation import Evaluation, few
from emo2vec_plugins.training.augment import names
from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.fit import Fitted
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import Split

TUNED = {
    "head": "{base} with a new head, trained on its frozen embeddings",
    "top": "{base}, its head and last {blocks} blocks trained further",
    "all": "{base}, all of its weights trained further",
    "new": "A network of emotion2vec's architecture, trained from nothing",
}

LIMITS_NEW = """\
It was trained only on the people, the language, the rooms and the microphones of the data above; on
others it may be much worse, which has not been measured."""
LIMITS_TUNED = """\
It was trained further on the people, the language, the rooms and the microphones of the data
above, and what {base} was trained on before is not known; on others it may be much worse, which has
not been measured."""
REST = ("other", "unknown")
"""Labels for speech that has none of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a card says beside what training itself knows.

    Attributes:
        title: The heading.
        data: Where the turns are from, such as the path of a manifest.
        dev: The same of the development turns, if they come from elsewhere.
        label_map: What the corpus's names were taken for.
        left_out: Turns that are neither trained on nor evaluated with, and why.
        command: The command line that made the model.
        notes: Markdown that goes after the first paragraph.
    """

    title: str = "Emotion in speech"
    data: str = "not said"
    dev: str | None = None
    label_map: Mapping[str, str | None] = field(default_factory=dict)
    left_out: str = ""
    command: str = ""
    notes: str = ""


def model_card(
    fitted: Fitted, split: Split, recipe: Recipe, *, evaluation: Evaluation | None, story: Story
) -> str:
    """Return the card, as Markdown.

    Args:
        fitted: The model.
        split: What it was trained on and evaluated with.
        recipe: How.
        evaluation: Of the saved weights on the development turns.
        story: The rest.
    """
    base = fitted.initial.base.model if fitted.initial.base else ""
    size = sum(each.numel() for each in fitted.initial.network.parameters())
    notes = f"\n{story.notes.strip()}\n" if story.notes.strip() else ""
    return f"""\
# {story.title}

{TUNED[recipe.tune].format(base=base, blocks=recipe.blocks)}: {size:,} parameters.

- Classes: {", ".join(fitted.initial.labels)}.
- In: 16 kHz mono. Out: 50 frames a second, embeddings of {fitted.config.width}.
{notes}
## Data

{data_of(split, story)}

## What it gets right

{_results(base, split, evaluation)}

## What it is not for

{_not_for(base, fitted.initial.labels)}

## Made by

{_made(fitted, recipe, story)}
"""


def describe(examples: Sequence[Example]) -> str:
    """Describe turns in one line.

    >>> describe([])
    '0 turns'
    """
    if not examples:
        return "0 turns"
    counts = Counter(example.label for example in examples)
    labels = ", ".join(f"{counts[label]} {label}" for label in sorted(counts))
    minutes = sum(example.duration for example in examples) / 60
    speakers = sorted({example.speaker or "unknown" for example in examples})
    people = f"{len(speakers)} speaker{'s' * (len(speakers) != 1)} ({few(speakers, 20)})"
    return f"{len(examples)} turns ({labels}), {minutes:.1f} minutes, {people}"


def data_of(split: Split, story: Story) -> str:
    """List what turns a model was trained on and evaluated with, and whose labels they have."""
    lines = [f"- From: {story.data}.", f"- Trained on {describe(split.train)}."]
    if pseudo := sum(example.is_pseudo for example in split.train):
        who = "a model gave them, and no person"
        lines.append(f"- {pseudo} of the training turns have pseudo-labels: {who}.")
    where = f" from {story.dev}" if story.dev else ""
    judged = f"{where}: {describe(split.dev)}; no {split.group} is on both sides"
    unjudged = ": none; the last epoch's weights are saved"
    lines.append(f"- Development{judged if split.dev else unjudged}.")
    if story.label_map:
        said = ", ".join(f"{k} is {v or 'left out'}" for k, v in story.label_map.items())
        lines.append(f"- Labels: {said}.")
    if story.left_out:
        lines.append(f"- Not used: {story.left_out}.")
    return "\n".join(lines)


def _results(base: str, split: Split, evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "Not measured: no turns were held out."
    before = f"; what {base} was trained on before is not known" if base else ""
    return f"""\
On the {len(split.dev)} development turns, measured with these very weights. They were not trained \
on, but the best epoch was chosen by them, which flatters a little{before}.

```text
{evaluation.table()}
```"""


def _not_for(base: str, labels: Sequence[str]) -> str:
    limits = LIMITS_TUNED.format(base=base) if base else LIMITS_NEW
    none = 'It has no class for "none of these".'
    if rest := " or ".join(label for label in labels if label in REST):
        known = "of that it knows only what the data above has"
        none = f"Speech with none of its other labels it can only call {rest}, and {known}."
    sounds = "It predicts how speech sounds, not what anyone feels."
    return f"{sounds} {limits} {none} Do not use it to decide anything about a person."


def _made(fitted: Fitted, recipe: Recipe, story: Story) -> str:
    base = fitted.initial.base
    history = fitted.history
    best = history.best or len(history.epochs)
    versions = f"emo2vec-plugins {__version__} and torch {torch.__version__}"
    lines = [
        f"- Epochs: {len(history.epochs)}; the weights are those of epoch {best}.",
        f"- Seed: {recipe.seed}.",
        f"- With {versions}, on {datetime.now(timezone.utc).date()}.",
    ]
    if base is not None:
        digest = f", weights with SHA-256 {base.sha256}" if base.sha256 else ""
        lines.insert(0, f"- From {base.model}{digest}.")
    if recipe.augments:
        lines.append(f"- Turns were varied: {'; '.join(names(recipe))}.")
    command = f"\n\n```\n{story.command}\n```" if story.command else ""
    return "\n".join(lines) + command + f"\n\nThe recipe:\n\n```yaml\n{_settings(recipe)}```"


def _settings(recipe: Recipe) -> str:
    """Return what differs from a recipe of defaults, and what it tunes."""
    defaults = {each.name: each.default for each in fields(Recipe)}
    values: dict[str, Any] = {
        name: value
        for name, value in recipe.to_dict().items()
        # Always said, as a reader asks for them first.
        if name in ("tune", "seed", "epochs") or getattr(recipe, name) != defaults[name]
    }
    return yaml.safe_dump(values, sort_keys=False)
