"""A table of turns by corpus, language and sex, for the model card."""

from __future__ import annotations

from collections.abc import Sequence

from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.markdown import markdown_table

FIELDS = {"corpus": "corpus", "language": "language", "sex": "gender"}
"""Fields by their headings."""


def data_table(examples: Sequence[Example]) -> str:
    """Return the number of turns of each corpus, language, sex and label, as Markdown.

    Fields that no turn has are left out; without any of them, the result is empty.
    """
    groups: dict[tuple[str | None, ...], list[Example]] = {}
    for each in examples:
        groups.setdefault(tuple(map(each.known, FIELDS.values())), []).append(each)
    used = [i for i in range(len(FIELDS)) if any(key[i] for key in groups)]
    if not used:
        return ""
    labels = sorted({each.label for each in examples})
    heads = list(FIELDS)
    rows = [
        [*(key[i] or "unknown" for i in used), *_numbers(turns, labels)]
        for key, turns in sorted(groups.items(), key=lambda item: [name or "" for name in item[0]])
    ]
    head = [*(heads[i] for i in used), "speakers", "minutes", "turns", *labels]
    return markdown_table(head, rows, texts=len(used))


def _numbers(turns: Sequence[Example], labels: Sequence[str]) -> list[object]:
    speakers = {each.speaker for each in turns if each.speaker}
    minutes = sum(each.duration for each in turns) / 60
    counts = [sum(each.label == label for each in turns) for label in labels]
    return [len(speakers), f"{minutes:.1f}", len(turns), *counts]
