"""The doubt of a result: from how sure its scores are, and how unusual its embedding is.

Two features of a turn decide. Its certainty is the logit of the largest probability (Hendrycks and
Gimpel 2017, arXiv:1610.02136). Its distance is the logarithm of the Mahalanobis distance to the
nearest class among the turns that the model was calibrated on, combined with the certainty by
logistic regression, as in Lee et al. 2018, arXiv:1807.03888. The covariance is that of probabilistic
principal component analysis (Tipping and Bishop 1999), which needs only a few turns. ``emo2vec
calibrate`` fits all of it, and ``doubt.json`` in a model folder has the numbers.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emo2vec_plugins.core import FloatArray, shown
from emo2vec_plugins.errors import CheckpointError, FormatError
from emo2vec_plugins.files import from_json, read_text

DOUBT = "doubt.json"
"""Name of the file in a model folder."""

MOST_CERTAIN = 12.0
"""Bound of the certainty; a probability of 1 - 6e-6. Rounding decides beyond it."""

MOST_DISTANT = 20.0
"""Bound of the distance, which no float of a sane model exceeds."""

_LEAST, _MOST = 1e-30, 1e30
"""Range of the numbers in a file: their squares and products stay finite."""

_STRAIGHT = 1e-3
"""Largest accepted difference of the directions from orthonormal ones."""

_DIGITS = 7

Floats = npt.NDArray[np.float64]


def certainty(logits: FloatArray) -> Floats:
    """Return the logit of the largest probability, log(p / (1 - p)), clipped.

    Args:
        logits: Shape (..., classes). Logarithms of probabilities will do.

    Returns:
        Shape (...).
    """
    ratios = np.sort(np.exp(logits - np.max(logits, axis=-1, keepdims=True)), axis=-1)
    others = ratios[..., :-1].sum(axis=-1)  # 1 - p as a multiple of p: no digits are lost near 1
    clipped: Floats = -np.log(np.maximum(others, math.exp(-MOST_CERTAIN)))
    return clipped


@dataclass(frozen=True, kw_only=True, eq=False)
class Cloud:
    """Where the embeddings of known speech are: normal distributions with one covariance.

    Attributes:
        means: At most one for each class, shape (means, width).
        directions: The principal directions, orthonormal rows, shape (directions, width).
        variances: Variance along each direction, shape (directions,).
        rest: Variance along every other direction.
    """

    means: Floats
    directions: Floats
    variances: Floats
    rest: float

    def distance(self, embeddings: FloatArray) -> Floats:
        """Return log(1 + d) of the squared Mahalanobis distance per dimension d to the nearest mean.

        Args:
            embeddings: Shape (..., width).

        Returns:
            Shape (...), clipped; near log(2) for speech as that of the distributions.
        """
        exact = np.asarray(embeddings, dtype=np.float64)
        nearest = np.min([self._squared(exact - mean) for mean in self.means], axis=0)
        distances: Floats = np.minimum(np.log1p(nearest / exact.shape[-1]), MOST_DISTANT)
        return distances

    def _squared(self, centred: Floats) -> Floats:
        along = centred @ self.directions.T
        outside = centred - along @ self.directions
        inside: Floats = (along**2 / self.variances).sum(axis=-1)
        squared: Floats = inside + (outside**2).sum(axis=-1) / self.rest
        return squared


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedDoubt:
    """A measure of doubt: a logistic regression on certainty and distance.

    Attributes:
        threshold: The doubt above which ``Engine(abstain=True)`` withholds a label.
        bias: Added to the weighted features.
        certainty: Weight of the `certainty`, at most 0: more of it never raises the doubt.
        distance: Weight of the distance, at least 0: more of it never lowers the doubt.
        cloud: The embeddings of the speech that the measure was fitted on.
    """

    threshold: float
    bias: float
    certainty: float
    distance: float
    cloud: Cloud

    def __call__(self, embedding: FloatArray, logits: FloatArray) -> float:
        """Return the estimated probability that the most probable class is wrong.

        Args:
            embedding: Shape (width,).
            logits: Of the classes in use, shape (classes,).
        """
        return float(self.of(certainty(logits), self.cloud.distance(embedding)))

    def of(self, certain: FloatArray, distance: FloatArray) -> Floats:
        """Return the doubt of turns with these features; any shape."""
        z = self.bias + self.certainty * certain + self.distance * distance
        doubt: Floats = 0.5 + 0.5 * np.tanh(z / 2)  # the logistic function, without overflow
        return doubt

    @cached_property
    def sha256(self) -> str:
        """Digest of all numbers."""
        return hashlib.sha256(json.dumps(self.to_document()).encode()).hexdigest()

    def to_document(self) -> dict[str, Any]:
        """Return the numbers as JSON values, rounded to seven digits."""
        numbers = {
            "threshold": self.threshold,
            "bias": self.bias,
            "certainty": self.certainty,
            "distance": self.distance,
            "means": self.cloud.means.tolist(),
            "directions": self.cloud.directions.tolist(),
            "variances": self.cloud.variances.tolist(),
            "rest": self.cloud.rest,
        }
        return {name: _rounded(value) for name, value in numbers.items()}


def _rounded(value: Any) -> Any:
    return [*map(_rounded, value)] if isinstance(value, list) else float(f"{value:.{_DIGITS}g}")


def read_doubt(folder: Path, *, width: int, classes: int) -> FittedDoubt | None:
    """Return the measure of doubt of a model folder; None if it has none.

    Args:
        folder: The folder.
        width: Width of the model's embeddings.
        classes: Number of the model's classes.

    Raises:
        CheckpointError: If ``doubt.json`` is not a file with JSON, or a number is missing, out of
            range, or of another width.
    """
    path = folder / DOUBT
    if not os.path.lexists(path):
        return None
    if not path.is_file():
        found = "a folder, a pipe, or a link to a file that does not exist"
        raise CheckpointError(f"{path}: expected a file with a measure of doubt, found {found}")
    try:
        document = from_json(read_text(path), where=str(path))
        return doubt_of(document, width=width, classes=classes, where=str(path))
    except FormatError as error:
        raise CheckpointError(str(error)) from error


def doubt_of(document: Any, *, width: int, classes: int, where: str) -> FittedDoubt:
    """Return the measure that `FittedDoubt.to_document` described.

    Args:
        document: JSON values from anywhere.
        width: Width of the model's embeddings.
        classes: Number of the model's classes, at least that of the means.
        where: The file, for messages.

    Raises:
        FormatError: If a number is missing or out of range, or the width is another one.
    """
    given = _Numbers(document, where)
    groups = len(given.listed("means"))
    if groups > classes:
        raise FormatError(f"{where}: expected at most {classes} means, one a class, found {groups}")
    means = given.array("means", (max(1, groups), width))
    count = len(given.listed("variances"))
    if count > width:
        raise FormatError(f"{where}: expected at most {width} directions, found {count}")
    # Without any, np.array() would lose the width.
    directions = given.array("directions", (count, width)).reshape(count, width)
    variances = given.array("variances", (count,), least=_LEAST)
    if not np.allclose(directions @ directions.T, np.eye(count), rtol=0, atol=_STRAIGHT):
        raise FormatError(f"{where}: expected orthonormal directions, found others")
    cloud = Cloud(
        means=means,
        directions=directions,
        variances=variances,
        rest=given.number("rest", least=_LEAST),
    )
    return FittedDoubt(
        threshold=given.number("threshold", least=0.0, most=1.0),
        bias=given.number("bias"),
        certainty=given.number("certainty", most=0.0),
        distance=given.number("distance", least=0.0),
        cloud=cloud,
    )


class _Numbers:
    """The numbers in a document, checked where they are read."""

    def __init__(self, document: Any, where: str) -> None:
        if not isinstance(document, Mapping):
            raise FormatError(f"{where}: expected a JSON object, got {shown(document)}")
        self._document, self._where = document, where

    def number(self, name: str, *, least: float = -_MOST, most: float = _MOST) -> float:
        return float(self.array(name, (), least=least, most=most))

    def listed(self, name: str) -> list[Any]:
        value = self._document.get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        return value

    def array(
        self, name: str, shape: tuple[int, ...], *, least: float = -_MOST, most: float = _MOST
    ) -> Floats:
        value = self._document.get(name)
        size = " x ".join(map(str, shape))
        expected = f"{size} numbers" if shape else "a number"
        if not _has_shape(value, shape):
            raise self._wrong(name, expected, value)
        found = np.array(value, dtype=np.float64)
        if not ((found >= least) & (found <= most)).all():  # also rejects NaN
            raise self._wrong(name, f"{expected} from {least:g} to {most:g}", value)
        return found

    def _wrong(self, name: str, expected: str, value: Any) -> FormatError:
        return FormatError(f"{self._where}: {name}: expected {expected}, got {shown(value)}")


def _has_shape(value: Any, shape: tuple[int, ...]) -> bool:
    """Return whether a JSON value is a number, or nested lists of numbers of this shape."""
    if not shape:
        return type(value) in (int, float)  # a bool is an int in Python, but no number
    is_list = isinstance(value, list) and len(value) == shape[0]
    return is_list and all(_has_shape(each, shape[1:]) for each in value)
