"""``--format``: a recording in formats of the user's choice, beside the files of its bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins.cli.output import Tally
from emo2vec_plugins.core import Dialogue, Format, Plugins
from emo2vec_plugins.errors import Emo2vecError, FormatError
from emo2vec_plugins.formats import (
    ARRAYS_SUFFIX,
    EMOTION_RTTM,
    EMOTIONS_JSONL,
    RTTM,
    SPKEMO_RTTM,
    file_of,
    suffix_of,
    write_dialogues,
)

BUNDLED = (RTTM, EMOTION_RTTM, SPKEMO_RTTM, EMOTIONS_JSONL)
"""What every recording is written in anyway."""

format_option: Callable[[Any], Any] = click.option(
    "--format",
    "formats",
    metavar="NAME",
    multiple=True,
    help="Write each recording in this format, too; 'emo2vec plugins' lists them. Repeatable.",
)
"""Gives a command the option; it is called with ``formats``, the names."""


class Exports:
    """Writes recordings in formats that were asked for by name.

    Args:
        names: Those that every bundle has are not written again.
        plugins: Offer the formats.

    Raises:
        FormatError: If there is no such format, it cannot be written, has no suffix, or its files
            would have the names of others.
    """

    def __init__(self, names: Sequence[str], plugins: Plugins) -> None:
        self._plugins = plugins
        known = plugins.formats()
        chosen = {name: _known(name, known) for name in names}
        taken = {each.suffixes[0].casefold(): each.name for each in BUNDLED}
        taken[ARRAYS_SUFFIX] = "embeddings"
        self._formats = [each for each in chosen.values() if each not in BUNDLED]
        for each in self._formats:
            suffix = suffix_of(each)
            if suffix.casefold() in taken:
                raise FormatError(
                    f"format {each.name!r} cannot be written here: files of "
                    f"{taken[suffix.casefold()]!r} end in {suffix}, too"
                )
            taken[suffix.casefold()] = each.name

    def write(self, dialogue: Dialogue, folder: Path, tally: Tally) -> list[Path]:
        """Write one recording to ``X<suffix>`` in *folder*, and say where.

        A format that cannot hold the recording is a failure in *tally*, not of the run.

        Raises:
            OSError: If *folder* cannot be written to.
        """
        written = []
        for each in self._formats:
            path = file_of(dialogue, folder, each)
            try:
                write_dialogues([dialogue], path, plugins=self._plugins, format=each.name)
            except Emo2vecError as error:
                path.unlink(missing_ok=True)  # an earlier run's would be taken for this one's
                tally.count(f"{each.name} file", str(path), str(error))
            else:
                written.append(path)
                tally.count(f"{each.name} file", str(path))
        return written


def _known(name: str, known: dict[str, Format]) -> Format:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise FormatError(
            f"there is no format {name!r}; {hint}there are {', '.join(sorted(known))}"
        )
    if known[name].dumps is None:
        raise FormatError(f"format {name!r} can be read, not written")
    return known[name]
