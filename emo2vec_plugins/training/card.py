"""The model card: training data, results, limitations and settings of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import PurePath
from typing import Any

import torch
import yaml

from emo2vec_plugins._version import __version__
from emo2vec_plugins.core import counted, one_line, shown
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.evaluation import Evaluation, few
from emo2vec_plugins.models import TRUST_LINE, as_trust
from emo2vec_plugins.training.augment.described import names
from emo2vec_plugins.training.data_table import data_table
from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.fit import Fitted
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.split import Split

TUNED = {
    "head": "{base} with a new head, trained on its frozen embeddings",
    "top": "{base}, with its head and last {blocks} blocks trained further",
    "all": "{base}, with all its weights trained further",
    "new": "A network with emotion2vec's architecture, trained from scratch",
}

LIMITS_NEW = (
    "It was trained only on the speakers, language, rooms and microphones of the data above. "
    "It may be much worse on others; the training did not measure this."
)
LIMITS_TUNED = (
    "It was trained further on the speakers, language, rooms and microphones of the data above. "
    "The earlier training data of {base} are not known. "
    "It may be much worse on other speech; the training did not measure this."
)

REST = ("other", "unknown")
"""Labels for speech that fits no other label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardContent:
    """Content of a model card that training itself does not provide.

    Attributes:
        title: Title of the card.
        data: Source of the turns, such as the path of a manifest.
        also: Sources of more turns that are for training only.
        dev: Source of the development turns; None if it is the same.
        label_map: Labels of the corpus and the labels they were mapped to; None leaves a label out.
        left_out: Number of turns that were not used, and why.
        command: The command line of the training.
        notes: Markdown that follows the first paragraph. A line ``**Trust:** text``, which says how
            far the model can be trusted, is moved to the top of the card.

    Raises:
        OptionsError: If *notes* has several such lines, or one that cannot be shown.
    """

    title: str = "Emotion in speech"
    data: str = "not specified"
    also: tuple[str, ...] = ()
    dev: str | None = None
    label_map: Mapping[str, str | None] = field(default_factory=dict)
    left_out: str = ""
    command: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        lines = TRUST_LINE.findall(self.notes)
        if len(lines) > 1:
            raise OptionsError(f"expected one line **Trust:** in the notes, got {len(lines)}")
        if lines and as_trust(lines[0]) is None:
            expected = "expected text without control characters after **Trust:** in the notes"
            raise OptionsError(f"{expected}, got {shown(lines[0])}")

    @property
    def trust(self) -> str:
        """The line about trust as a paragraph; empty without one."""
        found = TRUST_LINE.search(self.notes)
        return f"{found[0].strip()}\n\n" if found else ""

    @property
    def other_notes(self) -> str:
        """The notes without that line, as paragraphs; empty without any."""
        rest = TRUST_LINE.sub("", self.notes).strip()
        return f"\n{rest}\n" if rest else ""


def model_card(
    fitted: Fitted,
    split: Split,
    recipe: Recipe,
    *,
    evaluation: Evaluation | None,
    content: CardContent,
) -> str:
    """Return the card as Markdown.

    Args:
        fitted: The trained model.
        split: Its training and development turns.
        recipe: The settings of the training.
        evaluation: Evaluation of the saved weights on the development turns; None without any.
        content: Additional content.
    """
    base = fitted.initial.base.model if fitted.initial.base else ""
    size = sum(each.numel() for each in fitted.initial.network.parameters())
    return f"""\
# {content.title}

{content.trust}{TUNED[recipe.tune].format(base=base, blocks=recipe.blocks)}: {size:,} parameters.

- Classes: {", ".join(fitted.initial.labels)}.
- Input: 16 kHz mono audio. Output: 50 frames a second, with embeddings of width \
{fitted.config.width}.
{content.other_notes}
## Data

{data_of(split, content)}

## Results

{_results(base, split, evaluation)}

## Limitations

{_limitations(base, fitted.initial.labels)}

## Training

{_training(fitted, recipe, content)}
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
    speakers = sorted({one_line(example.speaker or "unknown") for example in examples})
    people = f"{len(speakers)} speaker{'s' * (len(speakers) != 1)} ({few(speakers, 20)})"
    return f"{counted(len(examples), 'turn')} ({labels}), {minutes:.1f} minutes, {people}"


def data_of(split: Split, content: CardContent) -> str:
    """List the training and development turns of a model, and where they and their labels come from.

    Tables have the turns of each corpus, language and sex, as far as these are known.
    """
    also = f"; for training only, also {', '.join(content.also)}" if content.also else ""
    lines = [f"- Source: {content.data}{also}.", f"- Training: {describe(split.train)}."]
    if pseudo := sum(example.is_pseudo for example in split.train):
        lines.append(f"- {pseudo} of the training turns have labels that a model gave.")
    if presumed := sum((e.supervision.custom or {}).get("presumed") is True for e in split.train):
        lines.append(f"- {presumed} of the training turns have labels that were only presumed.")
    if split.dev:
        source = f" (from {content.dev})" if content.dev else ""
        shared = f"no {split.group} is in both sets"
        lines.append(f"- Development{source}: {describe(split.dev)}; {shared}.")
    else:
        lines.append("- Development: no turns; the weights are those of the last epoch.")
    if content.label_map:
        mapped = ", ".join(
            f"{name} mapped to {label}" if label else f"{name} left out"
            for name, label in content.label_map.items()
        )
        lines.append(f"- Labels: {mapped}.")
    if content.left_out:
        lines.append(f"- Not used: {content.left_out}.")
    for name, side in (("Training", split.train), ("Development", split.dev)):
        if table := data_table(side):
            lines.append(f"\n{name} turns:\n\n{table}")
    return "\n".join(lines)


def _results(base: str, split: Split, evaluation: Evaluation | None) -> str:
    if evaluation is None:
        return "Not measured: no turns were held out."
    before = f" The earlier training data of {base} are not known." if base else ""
    return f"""\
Measured with these weights on the {len(split.dev)} development turns. The model was not trained on \
them, but they were used to choose the best epoch, so the result is slightly optimistic.{before}

```text
{evaluation.table()}
```"""


def _limitations(base: str, labels: Sequence[str]) -> str:
    limits = LIMITS_TUNED.format(base=base) if base else LIMITS_NEW
    others = "It has no class for other emotions, so it always predicts one of the classes above."
    if rest := " or ".join(label for label in labels if label in REST):
        learned = f"it learned {rest} only from the data above"
        others = f"It can label all other speech only as {rest}, and {learned}."
    sounds = "The model predicts how speech sounds, not what a person feels."
    return f"{sounds} {limits} {others} Do not use it to make decisions about people."


def _training(fitted: Fitted, recipe: Recipe, content: CardContent) -> str:
    base = fitted.initial.base
    history = fitted.history
    best = history.best or len(history.epochs)
    versions = f"emo2vec-plugins {__version__} and torch {torch.__version__}"
    lines = [
        f"- Epochs: {len(history.epochs)}; the weights are those of epoch {best}.",
        f"- Seed: {recipe.seed}.",
        f"- Software: {versions}, on {datetime.now(timezone.utc).date()}.",
    ]
    if base is not None:
        digest = f", weights with SHA-256 {base.sha256}" if base.sha256 else ""
        lines.insert(0, f"- Base model: {base.model}{digest}.")
    if recipe.augments:
        lines.append(f"- Augmentation: {'; '.join(names(recipe))}.")
    command = f"\n\n```\n{content.command}\n```" if content.command else ""
    return "\n".join(lines) + command + f"\n\nThe recipe:\n\n```yaml\n{_settings(recipe)}```"


def _settings(recipe: Recipe) -> str:
    """Return the settings that differ from the defaults, and a few that are always listed.

    Of paths, only the names are published.
    """
    defaults = Recipe().to_dict()
    values: dict[str, Any] = {
        name: PurePath(value).name if name in ("network", "sounds") else value
        for name, value in recipe.to_dict().items()
        # Always listed, as readers look for these first.
        if name in ("tune", "seed", "epochs") or value != defaults[name]
    }
    return yaml.safe_dump(values, sort_keys=False)
