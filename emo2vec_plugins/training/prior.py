"""A prior: how often labels occur where a model will be used, which differs from its training.

In training, the log of each label's share of the drawn turns, over its prior, is added to the logits.
The logits without it are then those for the prior (Menon et al. 2021, arXiv:2007.07314).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.heads import Heads, corpora
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.sampling import shares_of


def offsets(examples: Sequence[Example], heads: Heads, recipe: Recipe) -> Tensor:
    """Return what is added to the logits in training, shape (rows,); 0 without a prior.

    Args:
        examples: The training turns.
        heads: The heads in training; only the labels of the model's own head have a prior.
        recipe: Only *prior*, *votes*, *balance* and *shares* are used.

    Raises:
        TrainingError: If the prior is not for the labels of the model, or one of them is never drawn.
    """
    found = torch.zeros(len(heads.labels) + heads.extra)
    if not recipe.prior:
        return found
    if recipe.prior.keys() != {*heads.labels}:
        raise TrainingError(
            f"prior: expected a number for each label of the model, {', '.join(heads.labels)}; got "
            f"{', '.join(recipe.prior)}"
        )
    targets = np.stack([heads.targets(each, recipe.votes) for each in examples])
    shares = (chances(examples, recipe) @ targets)[heads.spans[0]]
    if never := [name for name, share in zip(heads.labels, shares, strict=True) if not share]:
        raise TrainingError(
            f"prior: no turn of {', '.join(never)} is drawn, as the corpora with it have a share of 0; "
            "leave the label out, or raise the share"
        )
    expected = np.array([recipe.prior[label] for label in heads.labels])
    found[heads.spans[0]] = torch.from_numpy(np.log(shares / expected)).float()
    return found


def chances(examples: Sequence[Example], recipe: Recipe) -> npt.NDArray[np.float64]:
    """Return the expected share of each turn among the drawn turns, shape (turns,).

    Args:
        examples: The training turns.
        recipe: Only *balance* and *shares* are used.

    Raises:
        TrainingError: As `emo2vec_plugins.training.sampling.shares_of` does.
    """
    names = corpora(examples) if recipe.shares else [""] * len(examples)
    shares = shares_of(names, recipe.shares) if recipe.shares else {"": 1.0}
    kinds = [(name, each.label) for name, each in zip(names, examples, strict=True)]
    in_corpus, alike = Counter(names), Counter(kinds)
    labels = Counter(name for name, _ in alike)  # the number of labels of each corpus
    found = np.array(
        [
            shares[name]
            / (labels[name] * alike[name, label] if recipe.balance else in_corpus[name])
            for name, label in kinds
        ]
    )
    expected: npt.NDArray[np.float64] = found / found.sum()
    return expected
