"""The arrays of audio files: a folder with ``.npy`` files named by the keys of the files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from emo2vec_plugins.core import Options, shown
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import ArrayFolder, check_protected, protecting
from emo2vec_plugins.integrations.inputs import Input, check_distinct_keys

if TYPE_CHECKING:
    from emo2vec_plugins.core import Emotion

ARRAY_OPTIONS = ("embeddings", "frames", "array_dtype")
"""Options on which the arrays depend."""

_FRAMES = {".frames": "frame_embeddings", ".frame_logits": "frame_logits"}
"""Suffix of each array of frames, and the emotion's field that it stores."""

Name = str | os.PathLike[str]


class FileArrays:
    """The folder for arrays of files: ``KEY.npy``, ``KEY.frames.npy`` and ``KEY.frame_logits.npy``.

    Arrays of an earlier run with the same keys are replaced.

    Args:
        folder: Created with the first array.
        files: The files that will be scored; keys must be distinct.
        options: Which arrays to write, and their type.
        beside: Other files that will be written, such as the one with the lines.

    Attributes:
        name: The folder, as given.

    Raises:
        OptionsError: If the options ask for no arrays, two arrays or other files would be the same
            file, or a key leads out of the folder.
        OverwriteError: If a file must not be replaced, such as one that will be scored.
        OSError: If the folder cannot be written to.
    """

    def __init__(
        self, folder: Name, files: Iterable[Input], options: Options, *, beside: Iterable[Name] = ()
    ) -> None:
        self.name = os.fspath(folder)
        self._options = options
        self._fields = {"": "embedding"} if options.embeddings else {}
        self._fields |= _FRAMES if options.frames else {}
        if not self._fields:
            raise OptionsError(f"arrays in {self.name} need embeddings=True or frames=True")
        files = list(files)
        check_distinct_keys(files)
        self._keys = keys = dict.fromkeys(file.key for file in files)
        frames = (f"{key}{ending}" for key in keys for ending in self._fields if ending)
        clash = next((name for name in frames if name in keys), None)
        if clash and options.embeddings:
            raise OptionsError(
                f"frames of one key and the embedding of another would both be {clash}.npy"
            )
        names = [f"{key}{ending}" for key in keys for ending in self._fields]
        self.folder = ArrayFolder(folder, names, beside=beside)
        with protecting(*(file.source for file in files)):
            check_protected(*(Path(folder, f"{name}.npy") for name in names))

    def check(self, files: Iterable[Input], options: Options) -> None:
        """Check that the arrays of these files and options will be written.

        Raises:
            OptionsError: If this object was made for other files or options.
        """
        for name in ARRAY_OPTIONS:
            own, other = getattr(self._options, name), getattr(options, name)
            if own != other:
                raise OptionsError(
                    f"arrays in {self.name} have {name}={own!r}, but the options {other!r}: "
                    "pass the same options to both"
                )
        unknown = next((file.key for file in files if file.key not in self._keys), None)
        if unknown is not None:
            raise OptionsError(
                f"arrays in {self.name} are of other files than {shown(unknown)}: "
                "pass the same files to both"
            )

    def write(self, key: str, emotion: Emotion) -> None:
        """Write the arrays of one file."""
        from emo2vec_plugins.files import cast  # here, because it loads numpy

        for ending, field in self._fields.items():
            array = getattr(emotion, field)
            if array is not None:
                self.folder.write(f"{key}{ending}", cast(array, self._options.array_dtype))
