"""What makes a training impossible: found before features are computed, and by ``--check``.

The audio of turns is not read, and no base model is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from emo2vec_plugins.core import EMOTIONS
from emo2vec_plugins.errors import Emo2vecError, OptionsError, TrainingError, naming
from emo2vec_plugins.training.augment.rooms import Rooms
from emo2vec_plugins.training.augment.sounds import Sounds
from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.heads import corpora, for_training_only, heads_of, votes_of
from emo2vec_plugins.training.model import new_model
from emo2vec_plugins.training.prior import offsets
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.sampling import shares_of
from emo2vec_plugins.training.split import Split


def problems(split: Split, recipe: Recipe) -> Iterator[Emo2vecError]:
    """Yield each reason why a model cannot be trained on a split by a recipe."""
    yield from _raised(
        partial(_check_patience, split, recipe),
        partial(_check_heads, split, recipe),
        partial(_check_shares, split, recipe),
        partial(_check_prior, split, recipe),
        *_of_recipe([*split.train, *split.dev], recipe),
    )


def problems_of_folds(
    splits: Mapping[str, Split], examples: Sequence[Example], recipe: Recipe, group: str
) -> Iterator[Emo2vecError]:
    """Yield each reason why cross-validation is impossible; of the folds, only the first with one.

    Args:
        splits: The split of each group that is left out.
        examples: The turns of all groups.
        recipe: The settings.
        group: What is left out: ``speaker``, ``corpus`` or the like.
    """
    if recipe.patience is not None:
        why = f"would choose the epoch by the {group} that is left out"
        yield OptionsError(f"cross-validation does not support patience (--patience), which {why}")
    yield from _raised(*_of_recipe(examples, recipe))
    folds = (
        partial(_check_fold, f"without {group} {name}", split, recipe)
        for name, split in splits.items()
    )
    yield from islice(_raised(*folds), 1)


def refuse(found: Iterable[Emo2vecError]) -> None:
    """Raise the first problem, if there is one."""
    for problem in found:
        raise problem


def _raised(*checks: Callable[[], None]) -> Iterator[Emo2vecError]:
    return (error for check in checks if (error := _caught(check)))


def _caught(check: Callable[[], None]) -> Emo2vecError | None:
    try:
        check()
    except Emo2vecError as error:
        return error
    return None


def _of_recipe(examples: Sequence[Example], recipe: Recipe) -> list[Callable[[], None]]:
    """Return the checks that need not be repeated for each fold."""
    return [
        partial(_check_corpora, examples, recipe),
        partial(_check_network, recipe),
        partial(_check_rooms, recipe),
        partial(_check_sounds, examples, recipe),
    ]


def _check_patience(split: Split, recipe: Recipe) -> None:
    if recipe.patience is not None and not split.dev:
        advice = "add some (--dev, --dev-speakers or --dev-share), or leave out --patience"
        raise OptionsError(f"patience needs development turns; {advice}")


def _check_fold(name: str, split: Split, recipe: Recipe) -> None:
    with naming(name):
        _check_heads(split, recipe)
        _check_shares(split, recipe)
        _check_prior(split, recipe)


def _check_heads(split: Split, recipe: Recipe) -> None:
    """Check the labels of each head, and the votes for them."""
    heads = heads_of(split.train, recipe)
    if any(each.is_extra for each in for_training_only(split.dev, recipe)):
        raise OptionsError(
            f"own_head: the head of {', '.join(recipe.own_head)} is not kept, but some of its turns are "
            "development turns"
        )
    if unknown := sorted({each.label for each in split.dev}.difference(heads.labels)):
        raise TrainingError(
            f"development turns are {', '.join(unknown)}, but the head of the model learns only "
            f"{', '.join(heads.labels)}; map the label to null to leave it out"
        )
    if not recipe.votes:
        return
    if not any(votes_of(each, recipe.votes) for each in split.train):
        raise TrainingError(
            f"votes: no training turn has votes in its custom field {recipe.votes!r}"
        )
    for each in (*split.train, *split.dev):
        heads.targets(each, recipe.votes)


def _check_shares(split: Split, recipe: Recipe) -> None:
    if recipe.shares:
        shares_of(corpora(split.train), recipe.shares)


def _check_prior(split: Split, recipe: Recipe) -> None:
    if recipe.prior:
        offsets(split.train, heads_of(split.train, recipe), recipe)


def _check_corpora(examples: Sequence[Example], recipe: Recipe) -> None:
    """Check that no share is for a corpus without any turns, by a wrong name or a missing file."""
    if recipe.shares and (absent := recipe.shares.keys() - (known := set(corpora(examples)))):
        raise TrainingError(
            f"shares: no turn is of {', '.join(sorted(absent))}; the corpora are "
            f"{', '.join(sorted(known))}"
        )


def _check_network(recipe: Recipe) -> None:
    if recipe.tune == "new":
        new_model(recipe, EMOTIONS)


def _check_rooms(recipe: Recipe) -> None:
    if recipe.rooms:
        Rooms(recipe.rooms, seed=recipe.seed)


def _check_sounds(examples: Sequence[Example], recipe: Recipe) -> None:
    if recipe.sounds:
        Sounds(Path(recipe.sounds), examples[0].permissions).check()
