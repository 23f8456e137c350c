"""``emo2vec score``: score whole audio files, as lines of ``emotions.jsonl``, and arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from emo2vec_plugins.cli.files import OutputName, writes_files
from emo2vec_plugins.cli.options import choice_option, file_argument, option
from emo2vec_plugins.cli.output import Tally, print_json_text
from emo2vec_plugins.cli.progress import progress, resumable
from emo2vec_plugins.cli.scoring import (
    Scoring,
    annotating_options,
    check_store,
    describe_model,
    note_trust,
    scoring_options,
    store_option,
)
from emo2vec_plugins.cli.streams import command, standard_input
from emo2vec_plugins.core import Options, counted
from emo2vec_plugins.files import protect, replacing
from emo2vec_plugins.integrations import FileArrays, Input, read_inputs, score_files, write_scores


@command("score")
@writes_files()
@file_argument("inputs", "INPUT...")
@option(
    "-o, --output FILE",
    "File for the lines, preferably X.emotions.jsonl.  [default: stdout]",
    type=OutputName(stdout=True),
)
@annotating_options("embeddings", "frames", "array_dtype")
@store_option("folder")
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
    target = None if output in (None, "-") else output
    bad: list[str] = []
    stdin = standard_input() if "-" in inputs else None
    files = read_inputs(inputs, bad=bad if bad_items == "drop" else None, stdin=stdin)
    protect(*(file.source for file in files))  # those in folders and lists, too
    beside = [] if target is None else [target]
    arrays = None if store is None else FileArrays(store, files, options, beside=beside)
    tally = Tally(quiet=scoring.quiet)
    engine = scoring.engine(frames=options.frames)
    with progress("files", total=len(files), quiet=scoring.quiet) as advance:

        def done(file: Input, reason: str | None) -> None:
            tally.count("file", file.source, reason)
            advance(1)

        how: dict[str, Any] = {
            "score": engine,
            "options": options,
            "arrays": arrays,
            "plugins": scoring.plugins,
        }
        if target is None or _is_device(target):
            with _stream(target) as write, closing(score_files(files, **how)) as scored:
                for file, line, reason in scored:
                    write(line)
                    done(file, reason)
        else:
            with resumable(quiet=scoring.quiet):
                write_scores(target, files, **how, done=done)
    tally.leave_out_lines(bad)
    counts = counted(len(files), "file")
    note_trust(engine.backend, quiet=scoring.quiet)
    tally.conclude(f"{counts}, scored by {describe_model(engine.backend)}")


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
