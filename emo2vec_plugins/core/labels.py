"""Emotion classes: canonical names, and the raw tokens that checkpoints have for them.

``tokens.txt`` differs between published revisions: bilingual tokens (``生气/angry``), a
placeholder row (``unuse_0``), ``<unk>`` for the class the paper calls unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emo2vec_plugins.errors import LabelError

COLOURS = {
    "angry": "#d55e00",
    "disgusted": "#009e73",
    "fearful": "#7d4a7e",
    "happy": "#e69f00",
    "neutral": "#606060",
    "other": "#8c8c8c",
    "sad": "#0072b2",
    "surprised": "#cc79a7",
    "unknown": "#b8b8b8",
}
"""One colour per class that the colour-blind can tell apart.

Five are from the palette of Okabe and Ito; the purple and the darkest grey were chosen for their
distance from them as people with each kind of colour blindness see it. The two lighter greys
differ from other colours by little more than lightness: where there is room, they have a texture.
"""

EMOTIONS = tuple(COLOURS)
"""The nine classes of emotion2vec+, by canonical name."""

UNSCORED = "unscored"
"""What annotation files say of a turn without a label."""


def canonical(token: str) -> str:
    """Return the ASCII name of a raw token.

    >>> canonical("生气/angry"), canonical("<unk>"), canonical("Happy")
    ('angry', 'unknown', 'happy')
    """
    name = token.rsplit("/", 1)[-1].strip().strip("<>").lower()
    return "unknown" if name == "unk" else name


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Which rows of a model's head are classes, and what they are called.

    Attributes:
        tokens: The raw lines of ``tokens.txt``, one per row of the head.
        names: Canonical names of the classes in use, in the head's order.
        columns: The row of the head that each of *names* is.
    """

    tokens: tuple[str, ...]
    names: tuple[str, ...]
    columns: tuple[int, ...]

    @classmethod
    def from_tokens(cls, tokens: Iterable[str]) -> LabelSet:
        """Name the rows of a head; rows that start with ``unuse`` are no classes.

        Raises:
            LabelError: If two rows have the same canonical name, or one has none.
        """
        raw = tuple(tokens)
        rows = [(i, canonical(token)) for i, token in enumerate(raw) if not _is_unused(token)]
        columns, names = tuple(i for i, _ in rows), tuple(name for _, name in rows)
        _refuse_repeats(names)
        unnamed = [raw[i] for i, name in rows if not _is_plain(name)]
        if unnamed:
            raise LabelError(
                f"tokens {unnamed} give no ASCII class name; write them as 'token/name'"
            )
        return cls(raw, names, columns)

    def restrict(self, labels: Sequence[str] | None) -> LabelSet:
        """Keep only the classes named in *labels*, in the head's order; None keeps all.

        Other classes' logits are masked, so the probabilities of those kept sum to 1.

        Raises:
            LabelError: If a label is unknown or given twice, or none is given, or *labels* is
                one string.
        """
        if labels is None:
            return self
        if isinstance(labels, str):
            raise LabelError(f"labels is a list of names, got the string {labels!r}")
        wanted = tuple(canonical(label) for label in labels)
        _refuse_repeats(wanted)
        unknown = [label for label in wanted if label not in self.names]
        if unknown or not wanted:
            several = any(" " in label for label in unknown)
            commas = "; names are separated by commas" if several else ""
            raise LabelError(
                f"the model has no class {', '.join(unknown) or '(none given)'}; "
                f"it has {', '.join(self.names) or 'no classes at all'}"
                f"{commas}"
            )
        kept = [pair for pair in zip(self.names, self.columns, strict=True) if pair[0] in wanted]
        return LabelSet(self.tokens, tuple(n for n, _ in kept), tuple(c for _, c in kept))


def _is_unused(token: str) -> bool:
    # The reference tests for "unuse" alone; revisions in the wild have "unuse_0".
    return token.startswith("unuse")


def _is_plain(name: str) -> bool:
    return bool(name) and name.isascii() and name.isprintable() and " " not in name


def _refuse_repeats(names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise LabelError(f"class names are given twice: {', '.join(repeated)}")
