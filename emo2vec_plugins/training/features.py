"""Features to train on: waveforms, augmented on each use, or embeddings, computed once."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from emo2vec_plugins.audio import MODEL_RATE
from emo2vec_plugins.core import FloatArray
from emo2vec_plugins.engine import Engine, Task, cores, prefetch
from emo2vec_plugins.errors import AudioError
from emo2vec_plugins.files import disk, overwriting, replacing, save_npy
from emo2vec_plugins.training.augment.chain import Augmenter
from emo2vec_plugins.training.augment.noise import looped
from emo2vec_plugins.training.augment.shapes import stretch
from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.kept import Kept, Memory
from emo2vec_plugins.training.recipe import Recipe

MOST_WORKERS = 4
"""Most threads that prepare batches."""

AHEAD = 2
"""Batches that each thread may be ahead of the training."""

Draws = tuple[Sequence[int], np.random.Generator | None]
"""The arguments of `Features.batch`."""


class Features(Protocol):
    """The features of a sequence of examples."""

    def batch(self, indices: Sequence[int], rng: np.random.Generator | None, /) -> list[Tensor]:
        """Return the features of a batch, augmented with *rng*; unchanged if it is None."""
        ...


def ahead(
    features: Features, plan: Iterable[Draws]
) -> Generator[tuple[Sequence[int], list[Tensor]], None, None]:
    """Yield the indices and the features of batches in order, prepared ahead in threads.

    The random numbers of a batch come from its own generator, so the number of threads and their
    order have no effect on the features. Close the generator to end the threads.

    Raises:
        AudioError: If a turn cannot be read; after the batches before it.
    """

    def prepared(indices: Sequence[int], rng: np.random.Generator | None) -> Iterator[list[Tensor]]:
        yield features.batch(indices, rng)

    workers = max(1, min(MOST_WORKERS, cores() - 1))
    tasks = (Task(item=each[0], parts=prepared(*each)) for each in plan)
    most = AHEAD * workers + 1
    for indices, parts in prefetch(
        tasks, workers=workers, budget=math.inf, most=most, weigh=lambda _: 0.0
    ):
        for part in parts:
            yield indices, part


class Waveforms:
    """Waveforms, augmented by a recipe.

    Args:
        examples: The examples, in the order of *indices* in `batch`.
        recipe: Determines the augmentation and the largest length.
        normalize: Whether the network expects zero mean and unit variance.
        memory: Where to keep waveforms of turns and of sounds.
    """

    def __init__(
        self, examples: Sequence[Example], recipe: Recipe, *, normalize: bool, memory: Memory
    ) -> None:
        self._read = Kept(lambda index: examples[index].read(), memory)
        self._most = int(recipe.max_seconds * MODEL_RATE)

        def turns(rng: np.random.Generator, samples: int) -> FloatArray:
            return looped(self._read(int(rng.integers(len(examples)))), rng, samples)

        self._augmented = Augmenter(
            recipe,
            normalize=normalize,
            turns=turns,
            permissions=examples[0].permissions,
            memory=memory,
        )

    def batch(self, indices: Sequence[int], rng: np.random.Generator | None) -> list[Tensor]:
        """Return waveforms, each of shape (samples,), augmented in the order of *indices*.

        Raises:
            AudioError: If a turn, or a sound that is added, cannot be read.
        """
        parts = [stretch(self._read(index), self._most, rng) for index in indices]
        return [self._augmented(part, rng) for part in parts]


class Embeddings:
    """Mean embeddings, with one row per example.

    Args:
        rows: Shape (examples, width).
    """

    def __init__(self, rows: FloatArray) -> None:
        self._rows = torch.from_numpy(np.asarray(rows, np.float32))

    def batch(self, indices: Sequence[int], _: np.random.Generator | None, /) -> list[Tensor]:
        """Return embeddings, each of shape (width,), without augmentation."""
        return [self._rows[index] for index in indices]


class EmbeddingCache:
    """A cache of embeddings on disk, keyed by digests of the model and of the turn's samples.

    A turn is found again from another manifest, and is computed again if its audio changes. Each
    embedding is a ``.npy`` file, complete or absent.

    Args:
        folder: Folder of the cache; created if it is missing.
        engine: Computes missing embeddings.
    """

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._engine = engine
        model = repr(sorted(engine.identity["provenance"].items()))
        # The embedding of a long turn depends on the windows, which limit attention.
        window = f"{engine.identity['max_window']} {engine.identity['window_overlap']}"
        self._folder = folder / hashlib.sha256(f"{model}\n{window}".encode()).hexdigest()[:32]

    def embeddings(
        self, examples: Sequence[Example], *, progress: Callable[[int], None] | None = None
    ) -> FloatArray:
        """Return the mean embedding of each example, shape (examples, width).

        Args:
            examples: The turns. Their audio is read even if all embeddings are in the cache.
            progress: Called with the number of embeddings completed since the last call.

        Raises:
            AudioError: If a turn cannot be read or scored.
            OSError: If an embedding cannot be written.
        """
        paths = [self._path(example) for example in examples]
        rows = [_read(path, self._engine.backend.width) for path in paths]
        missing = [index for index, row in enumerate(rows) if row is None]
        if progress and len(missing) < len(rows):
            progress(len(rows) - len(missing))
        results = self._engine(examples[index].clip() for index in missing)
        for index, (_, emotion) in zip(missing, results, strict=True):
            if emotion is None or emotion.embedding is None:
                reason = emotion.reason if emotion else "the model returned no result"
                raise AudioError(f"turn {examples[index].id!r} has no embedding: {reason}")
            rows[index] = emotion.embedding
            _write(paths[index], emotion.embedding)
            if progress:
                progress(1)
        return np.stack(cast("list[FloatArray]", rows))

    def _path(self, example: Example) -> Path:
        # A digest of the samples, not of the path, as files may be moved or replaced.
        key = hashlib.sha256(example.read().tobytes()).hexdigest()
        return self._folder / key[:2] / f"{key[2:34]}.npy"


def _write(path: Path, row: FloatArray) -> None:
    """Write a file of the cache; one that is damaged, or a link or pipe, is replaced itself."""
    if os.path.lexists(path) and not _is_regular(path):
        disk.unlink(path)
    with overwriting(), replacing(path) as stream:
        save_npy(stream, row)


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _read(path: Path, width: int) -> FloatArray | None:
    if not _is_regular(path):
        return None
    try:
        # Mapped, because a damaged header may state any size.
        row = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # missing or damaged, so computed again
    return np.array(row) if isinstance(row, np.ndarray) and row.shape == (width,) else None
