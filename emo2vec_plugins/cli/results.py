"""The folder of results of a command: the files of each recording, and the counts of its turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from emo2vec_plugins import formats as layouts
from emo2vec_plugins.cli.counts import EmotionCounts
from emo2vec_plugins.cli.output import Tally
from emo2vec_plugins.cli.scoring import Scoring
from emo2vec_plugins.core import Dialogue, Format, Options, unknown_format
from emo2vec_plugins.errors import Emo2vecError, FormatError
from emo2vec_plugins.files import (
    check_overwrite,
    exclusive,
    remove_own,
    removing_stale,
    results_folder,
)

BUNDLED = (layouts.RTTM, layouts.EMOTION_RTTM, layouts.SPKEMO_RTTM, layouts.EMOTIONS_JSONL)
"""Formats in which every recording is written."""


class Results:
    """Writes recordings into a folder, and counts their turns.

    Args:
        folder: Created with the first file.
        formats: Names of formats to write beside the bundle.
        options: Say which arrays to write.
        scoring: Its plugins provide the formats.

    Attributes:
        folder: The folder of the files.
        tally: Counts turns and files, and how many failed.

    Raises:
        FormatError: If a format is unknown, cannot be written, has no suffix, or would write to
            the file of another format.
        OptionsError: If the folder is a file.
        OSError: If the folder cannot be written to.
    """

    def __init__(
        self, folder: str, formats: Sequence[str], *, options: Options, scoring: Scoring
    ) -> None:
        self._plugins, self._options = scoring.plugins, options
        self._formats = _chosen(formats, self._plugins.formats())
        self._counts = None if scoring.quiet else EmotionCounts()
        self.tally = Tally(quiet=scoring.quiet)
        self.folder = results_folder(folder)

    def check(
        self, recordings: Iterable[str], *others: Path, lines: Mapping[str, str] | None = None
    ) -> None:
        """Check that the files of these recordings, and others, may be written.

        Args:
            recordings: Their names.
            others: The other files.
            lines: The lines of the RTTM, as for `write`, by recording.

        Raises:
            OverwriteError: If one must not be replaced.
        """
        endings = [layouts.suffix_for(each) for each in self._formats]
        paths = [
            path
            for name in recordings
            for path in (
                *layouts.bundle_paths(
                    name, self.folder, arrays=self._has_arrays, rttm=(lines or {}).get(name)
                ),
                *(self.folder / (layouts.bundle_stem(name) + ending) for ending in endings),
            )
        ]
        check_overwrite(*paths, *others)

    def write(self, dialogue: Dialogue, *, rttm: str | None = None) -> list[Path]:
        """Write one recording and return the paths of its files.

        A format that cannot store the recording counts as a failed file; the run continues.

        Args:
            dialogue: The turns with their emotions.
            rttm: The lines that the turns were read from, written unchanged; made from the turns
                if None.

        Raises:
            OSError: If the folder cannot be written to; bundles on disk are complete.
        """
        dtype = self._options.array_dtype
        self.tally.add(dialogue)
        if self._counts:
            self._counts.add_dialogue(dialogue)
        # Another process may write a recording of this name.
        with exclusive(self.folder), removing_stale(self._unwritten(dialogue)):
            bundle = layouts.write_bundle(
                dialogue, self.folder, rttm=rttm, embeddings=self._has_arrays, array_dtype=dtype
            )
            exported = [self._export(dialogue, each) for each in self._formats]
        written = [bundle.rttm, bundle.emotion_rttm, bundle.spkemo_rttm, bundle.emotions_jsonl]
        return written + [path for path in exported if path]

    def conclude(self, summary: str) -> None:
        """Print what was found, then the summary and the failures; exit with 3 if any failed."""
        if self._counts:
            self._counts.print()
        self.tally.conclude(summary)

    @property
    def _has_arrays(self) -> bool:
        return self._options.embeddings or self._options.frames

    def _unwritten(self, dialogue: Dialogue) -> list[Path]:
        """Return the paths of a recording in the formats that this command does not write."""
        folder, known = self.folder, self._plugins.formats().values()
        written = {layouts.path_for(dialogue, folder, f) for f in (*BUNDLED, *self._formats)}
        others = {layouts.path_for(dialogue, folder, f) for f in known if f.dumps and f.suffixes}
        return sorted(others - written)

    def _export(self, dialogue: Dialogue, format_: Format) -> Path | None:
        path = layouts.path_for(dialogue, self.folder, format_)
        noun = f"{format_.name} file"
        try:
            layouts.write_dialogues([dialogue], path, plugins=self._plugins, format=format_.name)
        except Emo2vecError as error:
            if not remove_own(path):  # it would be mistaken for this run's
                self.tally.leave_out(f"{path} is not of this run: others wrote or edited it")
            self.tally.count(noun, str(path), str(error))
            return None
        self.tally.count(noun, str(path))
        return path


def _chosen(names: Sequence[str], known: dict[str, Format]) -> list[Format]:
    """Return the formats of these names, each once, without those of the bundle."""
    found = {name: _known(name, known) for name in names}
    chosen = [each for each in found.values() if each not in BUNDLED]
    taken = {each.suffixes[0].casefold(): each.name for each in BUNDLED}
    taken[layouts.ARRAYS_SUFFIX] = "embeddings"
    for each in chosen:
        # On some file systems X.RTTM and X.rttm are the same file.
        suffix = layouts.suffix_for(each)
        owner = taken.setdefault(suffix.casefold(), each.name)
        if owner != each.name:
            clash = f"files of {owner!r} also end in {suffix}"
            raise FormatError(f"format {each.name!r} cannot be written here: {clash}")
    return chosen


def _known(name: str, known: dict[str, Format]) -> Format:
    if name not in known:
        raise unknown_format(name, known)
    if known[name].dumps is None:
        raise FormatError(f"format {name!r} can only be read, not written")
    return known[name]
