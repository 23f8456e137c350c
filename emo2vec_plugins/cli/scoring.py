"""What commands with a model share: its options, those of scoring, and the folder of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from emo2vec_plugins import formats as layouts
from emo2vec_plugins.cli.group import plugins_of
from emo2vec_plugins.cli.options import (
    POSITIVE,
    Decorator,
    choice_option,
    field_option,
    gathered,
    label_names,
    option,
    overwrite_option,
    quiet_option,
)
from emo2vec_plugins.cli.output import Tally
from emo2vec_plugins.core import (
    DEFAULT_MODEL,
    Backend,
    Dialogue,
    Format,
    Options,
    Plugins,
    did_you_mean,
    load_model,
)
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.errors import Emo2vecError, FormatError
from emo2vec_plugins.files import results_folder
from emo2vec_plugins.integrations import model_label


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """What the options of every command with a model say; a command asks it for the back end.

    Attributes:
        plugins: Of this run.
        model: A name, folder or hub's identifier for `load_model`.
        device: None for the best there is.
        dtype: Of the network's arithmetic.
    """

    plugins: Plugins
    model: str
    device: str | None
    dtype: str

    def backend(self) -> Backend:
        """Load the model, never another one in its place."""
        return load_model(self.model, device=self.device, dtype=self.dtype, plugins=self.plugins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring(Loading):
    """What the options of every command that scores say; a command asks it for the engine.

    Attributes:
        labels: None for all classes.
        batch_seconds: None for the model's own preference.
        max_window: Seconds; longer turns are windowed.
        workers: Threads that read ahead; None for what the machine has cores for.
        quiet: No progress and no summary.
    """

    labels: tuple[str, ...] | None
    batch_seconds: float | None
    max_window: float
    workers: int | None
    quiet: bool

    def engine(self, *, frames: bool = False) -> Engine:
        """Load the model and make the engine that the options describe; *frames* keeps those."""
        return Engine(
            self.backend(),
            labels=self.labels,
            granularity="frame" if frames else "utterance",
            max_window=self.max_window,
            batch_seconds=self.batch_seconds,
            workers=self.workers,
        )


def describe_model(backend: Backend) -> str:
    """Return which model it is and how it computes: ``NAME@VERSION (float32)``."""
    return f"{model_label(backend.provenance)} ({backend.provenance.dtype})"


def model_option(default: str | None, *, otherwise: str = "") -> Decorator:
    """Return what gives a command ``--model``; without a default, help says what is *otherwise*."""
    shown = f"  [default: {otherwise}]" if otherwise else ""
    what = f"A name ('emo2vec models' lists them), a folder, or a hub's identifier.{shown}"
    return option("-m, --model NAME", what, default=default)


def dtype_option(*dtypes: str) -> Decorator:
    """Return what gives a command ``--dtype``; the first is the default."""
    what = "Of the network's arithmetic; int8 is for ONNX and OpenVINO."
    return choice_option("--dtype", *dtypes, help=what)


device_option = option("--device NAME", "cpu, cuda, cuda:1, ...  [default: the best there is]")

_LOADING: dict[str, Decorator] = {
    "device": device_option,
    "dtype": dtype_option("float32", "bfloat16", "float16", "int8"),
}

_SCORING: dict[str, Decorator] = {
    "labels": option(
        "--labels A,B,...",
        "Keep only these classes; the others are masked before the softmax.",
        callback=label_names,
    ),
    "batch_seconds": option(
        "--batch-seconds SECONDS",
        "Audio per batch; less needs less memory.  [default: the model's own]",
        type=POSITIVE,
    ),
    "max_window": option(
        "--max-window SECONDS",
        "Longer turns are scored in overlapping windows.",
        type=POSITIVE,
        default=30.0,
    ),
    "workers": option(
        "--workers N",
        "Threads that read and resample ahead of the model; 0 for none.  [default: by cores]",
        type=click.IntRange(min=0),
    ),
    "quiet": quiet_option,
}


# Built when the command runs: finding installed plugins takes time that --help must not cost.
def _with_plugins(make: Callable[..., Any], **own: Any) -> Any:
    return make(plugins=plugins_of(click.get_current_context()), **own)


def loading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a model; it is called with ``loading=Loading(...)`` for them."""
    options = {"model": model_option(DEFAULT_MODEL), **_LOADING}
    return gathered("loading", partial(_with_plugins, Loading), options)(command)


def scoring_options(*, model: str | None = DEFAULT_MODEL) -> Decorator:
    """Give a command the options of scoring; it is called with ``scoring=Scoring(...)`` for them.

    Args:
        model: The default of ``--model``.
    """
    options = {"model": model_option(model), **_LOADING, **_SCORING}
    return gathered("scoring", partial(_with_plugins, Scoring), options)


formats_option = option(
    "--format NAME",
    "Write each recording in this format, too; 'emo2vec plugins' lists them. Repeatable.",
    name="formats",
    multiple=True,
)
store_option = option("--store PATH", "Where --embeddings and --frames go.")

_EXCLUDE = "exclude: score a speaker only while no one else speaks."
_ANNOTATING: dict[str, Decorator] = {
    "overlap": choice_option("--overlap", "keep", "exclude", help=_EXCLUDE),
    "embeddings": option("--embeddings", "Write each turn's embedding."),
    "frames": option("--frames", "Write embeddings and logits 50 times a second."),
    "array_dtype": choice_option("--array-dtype", "float32", "float16", help="Of arrays on disk."),
    "field": field_option,
    "overwrite": overwrite_option,
}


def annotating_options(*fields: str) -> Decorator:
    """Give a command options named as fields of `Options`; it is called with ``options=``."""
    return gathered("options", Options, {name: _ANNOTATING[name] for name in fields})


def check_store(options: Options, store: str | None) -> None:
    """Refuse arrays without a place to go, and a place for none.

    Raises:
        click.UsageError: If one is given without the other.
    """
    wanted = options.embeddings or options.frames
    if wanted and store is None:
        raise click.UsageError("--embeddings and --frames need --store PATH")
    if store is not None and not wanted:
        raise click.UsageError("--store needs --embeddings or --frames")


BUNDLED = (layouts.RTTM, layouts.EMOTION_RTTM, layouts.SPKEMO_RTTM, layouts.EMOTIONS_JSONL)
"""What every recording is written in anyway."""


class Results:
    """Writes recordings into a folder, and counts their turns.

    Args:
        folder: Made if it is missing, once the formats are known to be good.
        formats: Names of those beside the bundle; the bundle's own change nothing.
        options: Arrays that they ask for are written, too.
        scoring: Its plugins offer the formats.

    Attributes:
        folder: Where the files are.
        tally: Counts turns and files, and those that failed.

    Raises:
        FormatError: If there is no such format, it cannot be written, has no suffix, or its files
            would have the names of others.
        OptionsError: If the folder is a file.
        OSError: If the folder cannot be written to.
    """

    def __init__(
        self, folder: str, formats: Sequence[str], *, options: Options, scoring: Scoring
    ) -> None:
        self._plugins, self._options = scoring.plugins, options
        self._formats = _chosen(formats, self._plugins.formats())
        self.tally = Tally(quiet=scoring.quiet)
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
        arrays, dtype = self._options.embeddings or self._options.frames, self._options.array_dtype
        bundle = layouts.write_bundle(
            dialogue, self.folder, rttm=rttm, embeddings=arrays, array_dtype=dtype
        )
        self.tally.add(dialogue)
        written = [bundle.rttm, bundle.emotion_rttm, bundle.spkemo_rttm, bundle.emotions_jsonl]
        return written + [path for each in self._formats if (path := self._export(dialogue, each))]

    def _export(self, dialogue: Dialogue, format_: Format) -> Path | None:
        path = layouts.file_of(dialogue, self.folder, format_)
        noun = f"{format_.name} file"
        try:
            layouts.write_dialogues([dialogue], path, plugins=self._plugins, format=format_.name)
        except Emo2vecError as error:
            path.unlink(missing_ok=True)  # an earlier run's would be taken for this one's
            self.tally.count(noun, str(path), str(error))
            return None
        self.tally.count(noun, str(path))
        return path


def _chosen(names: Sequence[str], known: dict[str, Format]) -> list[Format]:
    """Return the formats of these names, each once, but for those of the bundle."""
    found = {name: _known(name, known) for name in names}
    chosen = [each for each in found.values() if each not in BUNDLED]
    taken = {each.suffixes[0].casefold(): each.name for each in BUNDLED}
    taken[layouts.ARRAYS_SUFFIX] = "embeddings"
    for each in chosen:
        # Some file systems take X.RTTM and X.rttm for one file.
        suffix = layouts.suffix_of(each)
        owner = taken.setdefault(suffix.casefold(), each.name)
        if owner != each.name:
            clash = f"files of {owner!r} end in {suffix}, too"
            raise FormatError(f"format {each.name!r} cannot be written here: {clash}")
    return chosen


def _known(name: str, known: dict[str, Format]) -> Format:
    if name not in known:
        hint = did_you_mean(name, known)
        raise FormatError(
            f"unknown format {name!r}{hint}; expected one of {', '.join(sorted(known))}"
        )
    if known[name].dumps is None:
        raise FormatError(f"format {name!r} can be read, not written")
    return known[name]
