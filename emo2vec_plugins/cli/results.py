"""The folder of a command's results: for each recording a bundle, and other formats beside it."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from emo2vec_plugins.cli.output import Tally
from emo2vec_plugins.core import Dialogue, Format, Options, Plugins
from emo2vec_plugins.errors import Emo2vecError, FormatError
from emo2vec_plugins.files import results_folder
from emo2vec_plugins.formats import (
    ARRAYS_SUFFIX,
    EMOTION_RTTM,
    EMOTIONS_JSONL,
    RTTM,
    SPKEMO_RTTM,
    file_of,
    suffix_of,
    write_bundle,
    write_dialogues,
)

BUNDLED = (RTTM, EMOTION_RTTM, SPKEMO_RTTM, EMOTIONS_JSONL)
"""What every recording is written in anyway."""


class Results:
    """Writes recordings into a folder, and counts their turns.

    Args:
        folder: Made if it is missing, once the formats are known to be good.
        formats: Names of those beside the bundle; the bundle's own change nothing.
        options: Arrays that they ask for are written, too.
        plugins: Offer the formats.
        tally: Counts turns and files, and those that failed.

    Attributes:
        folder: Where the files are.

    Raises:
        FormatError: If there is no such format, it cannot be written, has no suffix, or its files
            would have the names of others.
        OptionsError: If the folder is a file.
        OSError: If the folder cannot be written to.
    """

    def __init__(
        self,
        folder: str,
        formats: Sequence[str],
        *,
        options: Options,
        plugins: Plugins,
        tally: Tally,
    ) -> None:
        self._formats = _chosen(formats, plugins.formats())
        self._options = options
        self._plugins = plugins
        self._tally = tally
        self.folder = results_folder(folder)  # last: a mistake above leaves no empty folder

    def write(self, dialogue: Dialogue, *, rttm: str | None = None) -> list[Path]:
        """Write one recording, and say where.

        A format that cannot hold the recording is a failure in the tally, not of the run.

        Args:
            dialogue: The turns with their emotions.
            rttm: The lines that the turns come from, written as they are; made from the turns if
                there are none.

        Raises:
            OSError: If the folder cannot be written to; bundles on disk are complete.
        """
        options = self._options
        bundle = write_bundle(
            dialogue,
            self.folder,
            rttm=rttm,
            embeddings=options.embeddings or options.frames,
            array_dtype=options.array_dtype,
        )
        self._tally.add(dialogue)
        written = [bundle.rttm, bundle.emotion_rttm, bundle.spkemo_rttm, bundle.emotions_jsonl]
        return written + [path for each in self._formats if (path := self._export(dialogue, each))]

    def _export(self, dialogue: Dialogue, format_: Format) -> Path | None:
        path = file_of(dialogue, self.folder, format_)
        noun = f"{format_.name} file"
        try:
            write_dialogues([dialogue], path, plugins=self._plugins, format=format_.name)
        except Emo2vecError as error:
            path.unlink(missing_ok=True)  # an earlier run's would be taken for this one's
            self._tally.count(noun, str(path), str(error))
            return None
        self._tally.count(noun, str(path))
        return path


def _chosen(names: Sequence[str], known: dict[str, Format]) -> list[Format]:
    """Return the formats of these names, each once, but for those of the bundle."""
    found = {name: _known(name, known) for name in names}
    chosen = [each for each in found.values() if each not in BUNDLED]
    taken = {each.suffixes[0].casefold(): each.name for each in BUNDLED}
    taken[ARRAYS_SUFFIX] = "embeddings"
    for each in chosen:
        # Some file systems take X.RTTM and X.rttm for one file.
        suffix = suffix_of(each)
        owner = taken.setdefault(suffix.casefold(), each.name)
        if owner != each.name:
            raise FormatError(
                f"format {each.name!r} cannot be written here: files of {owner!r} end in "
                f"{suffix}, too"
            )
    return chosen


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
