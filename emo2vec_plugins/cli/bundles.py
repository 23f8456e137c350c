"""Recordings with turns in, a bundle of files for each out: what several commands do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from emo2vec_plugins.core import (
    Clip,
    Dialogue,
    Emotion,
    End,
    Options,
    Plugins,
    Recording,
    Scorer,
    annotate,
)
from emo2vec_plugins.engine import Engine
from emo2vec_plugins.formats import Bundle, write_bundle
from emo2vec_plugins.integrations import unscored


def annotate_to_bundles(
    sources: Sequence[Recording],
    folder: Path,
    *,
    engine: Engine,
    plugins: Plugins,
    options: Options,
    lines: Mapping[str, str],
    advance: Callable[..., None],
) -> Iterator[tuple[Dialogue, Bundle]]:
    """Write each recording's bundle as soon as it is scored, and yield it; in order.

    Args:
        sources: Their clips share batches.
        folder: Made if it is missing.
        engine: Of granularity ``frame`` if *options* ask for frames.
        plugins: Open the sources.
        options: Arrays that they ask for are written, too.
        lines: The RTTM lines that a recording's turns come from, by its name; made from the
            turns where there are none.
        advance: Called after each turn.

    Raises:
        OSError: If *folder* cannot be written to; bundles on disk are complete.
    """
    score = partial(_counted, engine, advance)
    for dialogue in annotate(
        sources, score=score, plugins=plugins, options=options, failed=unscored
    ):
        bundle = write_bundle(
            dialogue,
            folder,
            rttm=lines.get(dialogue.recording),
            embeddings=options.embeddings or options.frames,
            array_dtype=options.array_dtype,
        )
        yield dialogue, bundle


def _counted(
    score: Scorer, advance: Callable[..., None], items: Iterable[Clip | End]
) -> Iterator[tuple[Clip | End, Emotion | None]]:
    for item, emotion in score(items):
        if isinstance(item, Clip):
            advance()
        yield item, emotion
