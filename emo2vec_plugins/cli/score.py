"""``emo2vec score``: score whole audio files, as lines of ``emotions.jsonl``, and arrays."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins.audio import READABLE_SUFFIXES, UNREADABLE_SUFFIXES
from emo2vec_plugins.cli.options import file_argument, option, output_file
from emo2vec_plugins.cli.output import Tally, progress
from emo2vec_plugins.cli.scoring import (
    Scoring,
    annotating_options,
    check_store,
    describe_model,
    scoring_options,
    store_option,
)
from emo2vec_plugins.core import Emotion, Options, Recording, annotate, counted
from emo2vec_plugins.errors import OptionsError
from emo2vec_plugins.files import ArrayFolder, replacing
from emo2vec_plugins.formats import EMOTIONS_JSONL
from emo2vec_plugins.integrations import (
    Input,
    check_distinct_keys,
    json_line,
    open_list,
    read_list,
    scp_line,
    unnamed,
    unscored,
    with_distinct_keys,
)

_LISTS = {".scp": scp_line, ".txt": unnamed, ".list": unnamed, ".lst": unnamed, ".jsonl": json_line}

_FRAMES = {".frames": "frame_embeddings", ".frame_logits": "frame_logits"}
"""Suffix of each array of frames, and the emotion's field that it stores."""


@click.command("score")
@file_argument("inputs", "INPUT...")
@option(
    "-o, --output FILE",
    "File for the lines, preferably X.emotions.jsonl.  [default: stdout]",
    callback=output_file(),
)
@annotating_options("embeddings", "frames", "array_dtype")
@store_option
@scoring_options()
def score_command(
    *,
    inputs: Sequence[str],
    output: str | None,
    options: Options,
    store: str | None,
    scoring: Scoring,
) -> None:
    """Score audio files, one JSON line for each.

    INPUT is an audio file, a folder of audio files, a list of paths (.txt, .list, .lst, or - for
    stdin), a Kaldi wav.scp, or a .jsonl of {"key": ..., "source": PATH}. Output lines are in the
    format emotions.jsonl, which 'emo2vec convert' reads. The folder of --store gets KEY.npy, the
    embedding of the file, and KEY.frames.npy and KEY.frame_logits.npy.

    \b
    Examples:
      emo2vec score recordings/ -o recordings.emotions.jsonl
      emo2vec score a.wav b.flac --embeddings --store embeddings/
    """
    check_store(options, store)
    files = read_inputs(inputs)
    write_arrays = _array_writer(store, files, options)
    dump: Any = EMOTIONS_JSONL.dumps
    tally = Tally(quiet=scoring.quiet)
    # The model is loaded inside: if that fails, an older file stays as it was.
    write = nullcontext(sys.stdout.buffer) if output is None else replacing(Path(output))
    with write as sink, progress("files", total=len(files), quiet=scoring.quiet) as advance:
        engine = scoring.engine(frames=options.frames)
        results = annotate(
            [Recording(recording=file.key, audio=file.source) for file in files],
            score=engine,
            plugins=scoring.plugins,
            options=options,
            failed=unscored,
        )
        for file, dialogue in zip(files, results, strict=True):
            emotion = dialogue.turns[0].emotion
            write_arrays(file.key, emotion)
            # A dialogue of a failed file has no audio path; its line has it anyway.
            sink.write(dump([replace(dialogue, audio=file.source)]).encode())
            sink.flush()  # a reader of the pipe gets each line at once
            tally.count("file", file.source, emotion.reason)
            advance(1)
    done = counted(len(files), "file")
    tally.conclude(f"{done}, scored by {describe_model(engine.backend)}")


def _array_writer(
    store: str | None, files: Sequence[Input], options: Options
) -> Callable[[str, Emotion], None]:
    """Return a function that writes the requested arrays; file names are checked first."""
    if store is None:
        return lambda *_: None
    fields = {"": "embedding"} if options.embeddings else {}
    fields |= _FRAMES if options.frames else {}
    keys = list(dict.fromkeys(file.key for file in files))
    clash = {f"{key}{ending}" for key in keys for ending in fields if ending}.intersection(keys)
    if clash and options.embeddings:
        raise OptionsError(
            f"frames of one key and the embedding of another would both be {min(clash)}.npy"
        )
    folder = ArrayFolder(store, [f"{key}{ending}" for key in keys for ending in fields])
    from emo2vec_plugins.files import cast  # here, because it loads numpy

    def write(key: str, emotion: Emotion) -> None:
        for ending, field in fields.items():
            array = getattr(emotion, field)
            if array is not None:
                folder.write(f"{key}{ending}", cast(array, options.array_dtype))

    return write


def read_inputs(arguments: Iterable[str]) -> list[Input]:
    """Return the audio files of *arguments*, in order, each with a unique key.

    The key comes from a ``wav.scp`` or JSON list, or is the file's stem, as in the reference.
    Files with the same stem get as much of their paths as makes the keys unique.

    Args:
        arguments: Audio files; folders, searched recursively; ``.scp`` files of
            ``KEY PATH`` lines; ``.txt``, ``.list`` and ``.lst`` files of paths, ``-`` for such a
            list on stdin; ``.jsonl`` files of ``{"key": ..., "source": PATH}`` lines. Paths in a
            list are relative to the working directory, or to the folder of the list.

    Raises:
        FormatError: If a line of a list is malformed, or a Kaldi pipe.
        OptionsError: If two different files have the same key in lists, or a folder has no audio.
        OSError: If a list cannot be read.
    """
    keyed = with_distinct_keys([each for argument in arguments for each in _expand(argument)])
    check_distinct_keys(keyed)
    return keyed


def _expand(argument: str) -> list[Input]:
    if argument == "-":
        return read_list(sys.stdin, "<stdin>", unnamed)
    path = Path(argument)
    if path.is_dir():
        return [unnamed(str(file)) for file in _audio_files(path)]
    parse = _LISTS.get(path.suffix.lower())
    return [unnamed(argument)] if parse is None else open_list(argument, parse)


def _audio_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the audio files in a folder and its subfolders, by suffix, sorted.

    Broken links and formats that libsndfile cannot read are included, so that each is reported
    as failed instead of being skipped.

    Raises:
        OptionsError: If there are no audio files.
    """
    suffixes = READABLE_SUFFIXES | UNREADABLE_SUFFIXES
    paths = [path for path in Path(folder).rglob("*") if path.suffix.lower() in suffixes]
    files = sorted(path for path in paths if path.is_file() or not path.exists())
    if not files:
        raise OptionsError(f"{folder}: no audio files in this folder or its subfolders")
    return files
