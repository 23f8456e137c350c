"""Which of several recordings a command is about."""

from __future__ import annotations

from collections.abc import Sequence

from emo2vec_plugins.cli.output import listed
from emo2vec_plugins.core import Dialogue
from emo2vec_plugins.errors import OptionsError


def one_of(dialogues: Sequence[Dialogue], wanted: str | None, *, a: str) -> Dialogue:
    """Return the only recording, or the one that is named.

    Args:
        dialogues: All there are.
        wanted: A name; None for the only one.
        a: What is made of it, for people who named none.

    Raises:
        OptionsError: If there is no such recording, there are several of that name, or none is
            named and there are several.
    """
    names = [each.recording for each in dialogues]
    if wanted is None and len(names) == 1:
        return dialogues[0]
    if wanted is None:
        raise OptionsError(
            f"a {a} is of one recording; --recording says which: {listed(names) or 'none here'}"
        )
    if wanted not in names:
        raise OptionsError(f"there is no recording {wanted!r}, there are {listed(names) or 'none'}")
    if names.count(wanted) > 1:
        raise OptionsError(f"{names.count(wanted)} recordings are called {wanted!r}, expected one")
    return dialogues[names.index(wanted)]
