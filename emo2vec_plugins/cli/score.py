"""``emo2vec score``: score whole audio files, as lines of ``emotions.jsonl``, and arrays."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from emo2vec_plugins.audio import READABLE_SUFFIXES, UNREADABLE_SUFFIXES
from emo2vec_plugins.cli.files import OutputName, writes_files
from emo2vec_plugins.cli.options import choice_option, file_argument, option
from emo2vec_plugins.cli.output import LISTED, Tally, print_json_text, resumable
from emo2vec_plugins.cli.progress import progress
from emo2vec_plugins.cli.score_file import write_lines
from emo2vec_plugins.cli.scoring import (
    Scoring,
    annotating_options,
    check_store,
    describe_model,
    scoring_options,
    store_option,
)
from emo2vec_plugins.cli.streams import command
from emo2vec_plugins.core import Dialogue, Emotion, Options, Recording, annotate, counted
from emo2vec_plugins.errors import OptionsError, warn
from emo2vec_plugins.files import (
    ArrayFolder,
    check_protected,
    lines_in,
    protect,
    replacing,
    settings_of,
)
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


@command("score")
@writes_files()
@file_argument("inputs", "INPUT...")
@option(
    "-o, --output FILE",
    "File for the lines, preferably X.emotions.jsonl.  [default: stdout]",
    type=OutputName(),
)
@annotating_options("embeddings", "frames", "array_dtype")
@store_option
@choice_option("--bad-items", "drop", "stop", help="Leave out a malformed line of a list, or stop.")
@scoring_options()
def score_command(
    *,
    inputs: Sequence[str],
    output: str | None,
    bad_items: str,
    options: Options,
    store: str | None,
    scoring: Scoring,
) -> None:
    """Score audio files, one JSON line for each.

    INPUT is an audio file, a folder of audio files, a list of paths (.txt, .list, .lst, or - for
    stdin), a Kaldi wav.scp, or a .jsonl of {"key": ..., "source": PATH}. Output lines are in the
    format emotions.jsonl, which 'emo2vec convert' reads. The folder of --store gets KEY.npy, the
    embedding of the file, and KEY.frames.npy and KEY.frame_logits.npy. To resume a run that was
    killed, repeat the command; without -o, nothing is resumed.

    \b
    Examples:
      emo2vec score recordings/ -o recordings.emotions.jsonl
      emo2vec score a.wav b.flac --embeddings --store embeddings/
    """
    check_store(options, store)
    bad: list[str] = []
    files = read_inputs(inputs, bad=bad if bad_items == "drop" else None)
    protect(*(file.source for file in files))  # those in folders and lists, too
    check_protected(*([] if output is None else [output]))
    write_arrays = _array_writer(store, files, options)
    tally = Tally(quiet=scoring.quiet)
    engine = scoring.engine(frames=options.frames)
    with progress("files", total=len(files), quiet=scoring.quiet) as advance:

        def score(some: Sequence[Input]) -> Iterator[tuple[Input, bytes, str | None]]:
            sources = [Recording(recording=file.key, audio=file.source) for file in some]
            results = annotate(
                sources, score=engine, plugins=scoring.plugins, options=options, failed=unscored
            )
            for file, dialogue in zip(some, results, strict=True):
                emotion = dialogue.turns[0].emotion
                write_arrays(file.key, emotion)
                # A dialogue of a failed file has no audio path; its line has it anyway.
                yield file, _dumped(replace(dialogue, audio=file.source)), emotion.reason

        def done(file: Input, reason: str | None) -> None:
            tally.count("file", file.source, reason)
            advance(1)

        if output is None or _is_device(output):
            with _stream(output) as write:
                for file, line, reason in score(files):
                    write(line)
                    done(file, reason)
        else:
            settings = settings_of(
                scorer=engine.identity,
                options={name: getattr(options, name) for name in _OPTIONS},
                store=store,
            )
            seconds = engine.batch_seconds
            with resumable(quiet=scoring.quiet):
                write_lines(
                    Path(output), files, score, settings=settings, batch_seconds=seconds, done=done
                )
    for each in bad[:LISTED]:
        tally.leave_out(each)
    if len(bad) > LISTED:
        tally.leave_out(f"{len(bad) - LISTED} more bad lines were left out")
    counts = counted(len(files), "file")
    tally.conclude(f"{counts}, scored by {describe_model(engine.backend)}")


_OPTIONS = ("embeddings", "frames", "array_dtype", "allow", "root")
"""Options on which the lines and arrays depend."""


def _dumped(dialogue: Dialogue) -> bytes:
    dump: Any = EMOTIONS_JSONL.dumps
    text: str = dump([dialogue])
    return text.encode()


def _is_device(output: str) -> bool:
    return Path(output).exists() and not Path(output).is_file()


@contextmanager
def _stream(output: str | None) -> Iterator[Callable[[bytes], object]]:
    """Yield a function that writes lines to stdout or a device, where a pipe gets each at once."""
    if output is None:
        yield lambda line: print_json_text(line.decode())
        return
    with replacing(Path(output)) as sink:
        yield sink.write


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


def read_inputs(arguments: Iterable[str], *, bad: list[str] | None = None) -> list[Input]:
    """Return the audio files of *arguments*, in order, each with a unique key.

    The key comes from a ``wav.scp`` or JSON list, or is the file's stem, as in the reference.
    Files with the same stem get as much of their paths as makes the keys unique.

    Args:
        arguments: Audio files; folders, searched recursively; ``.scp`` files of
            ``KEY PATH`` lines; ``.txt``, ``.list`` and ``.lst`` files of paths, ``-`` for such a
            list on stdin; ``.jsonl`` files of ``{"key": ..., "source": PATH}`` lines. Paths in a
            list are relative to the working directory, or to the folder of the list.
        bad: Gets what is wrong with each bad line of a list; None to raise an error at the first.

    Raises:
        FormatError: If a line of a list is malformed, or a Kaldi pipe, and *bad* is None; or if
            all lines are.
        OptionsError: If two different files have the same key in lists, or a folder has no audio.
        OSError: If a list cannot be read.
    """
    keyed = with_distinct_keys([each for argument in arguments for each in _expand(argument, bad)])
    check_distinct_keys(keyed)
    return keyed


def _expand(argument: str, bad: list[str] | None) -> list[Input]:
    if argument == "-":
        lines = lines_in(sys.stdin.buffer, "<stdin>")
        return read_list(lines, "<stdin>", unnamed, bad=bad)
    path = Path(argument)
    if path.is_dir():
        return [unnamed(str(file)) for file in _audio_files(path)]
    parse = _LISTS.get(path.suffix.lower())
    return [unnamed(argument)] if parse is None else open_list(argument, parse, bad=bad)


def _audio_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the audio files in a folder and its subfolders, by suffix, sorted.

    Broken links and formats that libsndfile cannot read are included, so that each is reported
    as failed instead of being skipped. Hidden files, and those in hidden folders, are left out
    with a warning: on disks of other systems, macOS writes ``._x.wav`` beside ``x.wav``.

    Raises:
        OptionsError: If there are no audio files.
    """
    suffixes = READABLE_SUFFIXES | UNREADABLE_SUFFIXES
    paths = [path for path in Path(folder).rglob("*") if path.suffix.lower() in suffixes]
    found = [path for path in paths if path.is_file() or not path.exists()]
    files = sorted(path for path in found if not _is_hidden(path.relative_to(folder)))
    if len(found) > len(files):
        hidden = counted(len(found) - len(files), "hidden file")
        warn(f"{folder}: left out {hidden}, such as {min({*found} - {*files})}")
    if not files:
        raise OptionsError(f"{folder}: no audio files in this folder or its subfolders")
    return files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
