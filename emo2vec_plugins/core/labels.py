"""Emotion classes: canonical names, and the raw tokens in checkpoints.

``tokens.txt`` differs between published revisions: bilingual tokens (``生气/angry``),
placeholder rows (``unuse_0``), and ``<unk>`` for the class that the paper calls unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emo2vec_plugins.core.messages import shown
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
"""One colour per class, distinguishable with colour blindness.

Five colours are from the palette of Okabe and Ito. The purple and the darkest grey were chosen to
be distant from these five under each kind of colour blindness. The two lighter greys differ from
other colours mainly in lightness, so they have a texture where there is room.
"""

EMOTIONS = tuple(COLOURS)
"""The nine classes of emotion2vec+, by canonical name."""

UNSCORED = "unscored"
"""Label of turns without an emotion in annotation files."""

WITHHELD = "withheld"
"""Label of turns whose emotion was withheld, in annotation files; their reasons begin with it."""

PLACEHOLDERS = frozenset({UNSCORED, WITHHELD})
"""Texts in place of labels, which are no emotions."""


def canonical(token: str) -> str:
    """Return the canonical class name of a raw token.

    >>> canonical("生气/angry"), canonical("<unk>"), canonical("Happy")
    ('angry', 'unknown', 'happy')
    """
    name = token.rsplit("/", 1)[-1].strip().strip("<>").lower()
    return "unknown" if name == "unk" else name


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The classes of a model's head.

    Attributes:
        tokens: The raw lines of ``tokens.txt``, one per row of the head.
        names: Canonical names of the classes in use, in the order of the head.
        columns: The head row of each of *names*.
    """

    tokens: tuple[str, ...]
    names: tuple[str, ...]
    columns: tuple[int, ...]

    @classmethod
    def from_tokens(cls, tokens: Iterable[str]) -> LabelSet:
        """Return the classes of a head; rows that start with ``unuse`` are left out.

        Raises:
            LabelError: If two rows have the same canonical name, or a row has no ASCII name.
        """
        raw = tuple(tokens)
        rows = [(i, canonical(token)) for i, token in enumerate(raw) if not _is_unused(token)]
        columns, names = tuple(i for i, _ in rows), tuple(name for _, name in rows)
        _reject_repeats(names)
        unnamed = [raw[i] for i, name in rows if not _is_plain(name)]
        if unnamed:
            raise LabelError(
                f"tokens {shown(unnamed)} have no ASCII class name; write them as 'token/name'"
            )
        return cls(raw, names, columns)

    def restrict(self, labels: Sequence[str] | None) -> LabelSet:
        """Return only the classes in *labels*, in the order of the head; None keeps all.

        Logits of the other classes are masked: the remaining probabilities sum to 1.

        Raises:
            LabelError: If a label is unknown or repeated, or *labels* is empty or a string.
        """
        if labels is None:
            return self
        if isinstance(labels, str):
            raise LabelError(f"labels must be a list of names, got the string {shown(labels)}")
        wanted = tuple(canonical(label) for label in labels)
        _reject_repeats(wanted)
        unknown = [label for label in wanted if label not in self.names]
        if unknown or not wanted:
            several = any(" " in label for label in unknown)
            commas = "; separate names with commas" if several else ""
            raise LabelError(
                f"the model has no class {', '.join(unknown) or '(none given)'}; "
                f"it has {', '.join(self.names) or 'no classes'}"
                f"{commas}"
            )
        kept = [pair for pair in zip(self.names, self.columns, strict=True) if pair[0] in wanted]
        return LabelSet(self.tokens, tuple(n for n, _ in kept), tuple(c for _, c in kept))


def _is_unused(token: str) -> bool:
    # The reference implementation tests for "unuse" only; published revisions have "unuse_0".
    return token.startswith("unuse")


def _is_plain(name: str) -> bool:
    return bool(name) and name.isascii() and name.isprintable() and " " not in name


def _reject_repeats(names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise LabelError(f"repeated class names: {shown(repeated)[1:-1]}")
