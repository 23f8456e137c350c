"""The training loop, for any trainable model and any features."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, cast

import numpy as np
import torch
from sklearn.metrics import accuracy_score, recall_score
from torch import Tensor, nn

from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.models import DTYPES
from emo2vec_plugins.training.checkpoints import Checkpoints
from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.features import Features, ahead
from emo2vec_plugins.training.heads import Heads
from emo2vec_plugins.training.history import EpochResult, History
from emo2vec_plugins.training.model import TrainableModel
from emo2vec_plugins.training.optimization import (
    class_loss,
    class_weights,
    learning_rate,
    loss_of_heads,
    moving_average,
)
from emo2vec_plugins.training.prior import offsets
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.sampling import batches, in_order

_SHOWN = 8


class Side:
    """One side of a split: turns with their features.

    Args:
        examples: The turns.
        heads: The heads in training.
        features: The features of the turns.
        votes: Custom field with the votes for each label; None to use the labels alone.

    Attributes:
        rows: Row of each turn's label, among those of all heads; shape (turns,).
        targets: Probability of each row for each turn; shape (turns, rows).

    Raises:
        TrainingError: If a turn has invalid votes.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        heads: Heads,
        features: Features,
        *,
        votes: str | None = None,
    ) -> None:
        self.examples, self.heads = tuple(examples), heads
        self.rows = torch.tensor([heads.row(each) for each in examples])
        self.targets = torch.from_numpy(np.stack([heads.targets(e, votes) for e in examples]))
        self.features = features


class Trainer:
    """Trains a model and saves a checkpoint after every epoch.

    All random choices of an epoch depend only on the recipe's seed and the number of the epoch, so
    a resumed run makes the same choices. On a CPU with the same number of threads, its final
    weights are identical to the last bit.

    Args:
        model: The model; its weights are changed in place.
        recipe: The settings.
        train: The training turns.
        dev: The turns to choose the best epoch by; None to use the last epoch.
        checkpoints: Stores the state after every epoch.
        found: What `Checkpoints.load` returned.
        device: Device to train on.
    """

    def __init__(
        self,
        model: TrainableModel,
        recipe: Recipe,
        *,
        train: Side,
        dev: Side | None,
        checkpoints: Checkpoints,
        found: tuple[History, dict[str, Any]] | None,
        device: torch.device,
    ) -> None:
        self._model, self._recipe = model.to(device), recipe
        self._train, self._dev = train, dev
        self._device, self._checkpoints = device, checkpoints
        self._weights: Tensor | None = None
        if recipe.class_weights:
            labels = train.heads.labels
            own = [labels[row] for row in train.rows.tolist() if row < len(labels)]
            self._weights = class_weights(own, labels).to(device)
        self._offsets = offsets(train.examples, train.heads, recipe).to(device)
        self._optimizer = torch.optim.AdamW(
            model.parameter_groups(), lr=recipe.peak_rate, weight_decay=recipe.weight_decay
        )
        # float16 gradients underflow unless the loss is scaled up; bfloat16 has enough range.
        scaled = recipe.precision == "float16" and device.type == "cuda"
        self._scaler = torch.amp.grad_scaler.GradScaler(device.type, enabled=scaled)
        self._history = History()
        self._average = moving_average(model, recipe.average)
        self._best: dict[str, Tensor] = {}
        if found is not None:
            self._resume(*found)

    def run(self, *, progress: Callable[[EpochResult], None] | None = None) -> History:
        """Train until the last epoch or until patience runs out, and restore the best weights.

        Args:
            progress: Called after each epoch, and also for epochs completed by an earlier run.

        Raises:
            TrainingError: If a loss is not finite, or a checkpoint cannot be written.
            AudioError: If a turn cannot be read.
        """
        history, report = self._history, progress or (lambda _: None)
        for epoch in history.epochs:
            report(epoch)
        while len(history.epochs) < self._recipe.epochs and not self._out_of_patience():
            history.epochs.append(self._epoch(len(history.epochs)))
            if self._dev is not None:
                history.best = max(history.epochs, key=self._rank).epoch  # the first one on a tie
            self._checkpoints.save(history, self._state())
            report(history.epochs[-1])
        self._model.restore(self._best)
        return history

    @property
    def _evaluated(self) -> TrainableModel:
        """The model that is evaluated and saved: the moving average, if there is one."""
        return self._model if self._average is None else cast(TrainableModel, self._average.module)

    def _resume(self, history: History, state: Mapping[str, Any]) -> None:
        self._history, self._best = history, state["best_learned"]
        self._model.restore(state["learned"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        if self._average is not None:
            self._evaluated.restore(state["evaluated"])
            # At 0, the next step would replace the average instead of updating it.
            self._average.n_averaged.fill_(1)

    def _state(self) -> dict[str, Any]:
        learned = self._model.learned()
        evaluated = learned if self._average is None else self._evaluated.learned()
        if self._dev is None or self._history.best == len(self._history.epochs):
            self._best = evaluated
        return {
            "learned": learned,
            "evaluated": evaluated,  # takes no space where it is the same object as another
            "best_learned": self._best,
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def _epoch(self, epoch: int) -> EpochResult:
        began = time.monotonic()
        # Not seed + epoch: runs with seeds 0 and 1 would share all epochs but one.
        mixed = np.random.SeedSequence([self._recipe.seed, epoch]).generate_state(1)
        torch.manual_seed(int(mixed[0]))
        self._model.train()
        plan = batches(self._train.examples, self._recipe, epoch=epoch)
        # The generator of a step depends only on its number, so a batch may be made at any time.
        draws = (
            (indices, np.random.default_rng([self._recipe.seed, epoch, step]))
            for step, indices in enumerate(plan)
        )
        with closing(ahead(self._train.features, draws)) as prepared:
            losses = [
                self._step(indices, features, epoch=epoch, step=step, steps=len(plan))
                for step, (indices, features) in enumerate(prepared)
            ]
        evaluated = {} if self._dev is None else self._evaluate(self._dev)
        return EpochResult(
            epoch=epoch + 1,
            train_loss=float(np.mean(losses)),
            learning_rate=self._optimizer.param_groups[0]["lr"],
            seconds=time.monotonic() - began,
            **evaluated,
        )

    def _step(
        self,
        indices: Sequence[int],
        features: Sequence[Tensor],
        *,
        epoch: int,
        step: int,
        steps: int,
    ) -> float:
        rate = learning_rate(self._recipe, (epoch + step / steps) / self._recipe.epochs)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        targets = self._train.targets[list(indices)].to(self._device)
        logits = self._logits(self._model, features)
        loss = loss_of_heads(
            logits,
            targets,
            self._train.heads.spans,
            weights=self._weights,
            smoothing=self._recipe.label_smoothing,
            offsets=self._offsets,
        )
        self._optimizer.zero_grad()
        torch.autograd.backward(self._scaler.scale(loss))
        self._scaler.unscale_(self._optimizer)
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self._recipe.clip_norm or torch.inf)
        # The scaler handles gradients beyond the range of float16 by skipping the step.
        if not (loss.isfinite() and (self._scaler.is_enabled() or norm.isfinite())):
            ids = [self._train.examples[index].id for index in indices]
            raise _not_finite(loss, ids, epoch=epoch, step=step)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.update_parameters(self._model)
        return loss.item()

    def _logits(self, model: TrainableModel, features: Sequence[Tensor]) -> Tensor:
        precision = self._recipe.precision
        mixed = precision != "float32"
        with torch.autocast(self._device.type, DTYPES[precision], enabled=mixed):
            logits: Tensor = model([each.to(self._device) for each in features])
        return logits

    @torch.no_grad()
    def _evaluate(self, dev: Side) -> dict[str, float]:
        model = self._evaluated.eval()
        plan = ((indices, None) for indices in in_order(dev.examples, self._recipe))
        with closing(ahead(dev.features, plan)) as prepared:
            parts = [self._logits(model, features).float().cpu() for _, features in prepared]
        # Development turns have labels of the model, so the rows of other heads are not needed.
        own = len(dev.heads.labels)
        return metrics(torch.cat(parts)[:, :own], dev.rows, dev.targets[:, :own])

    def _rank(self, epoch: EpochResult) -> tuple[float, float]:
        # With few turns, UA takes few values, so ties are common; a lower loss breaks them.
        loss, recall = -(epoch.dev_loss or 0.0), epoch.dev_ua or 0.0
        return (recall, loss) if self._recipe.monitor == "ua" else (loss, recall)

    def _out_of_patience(self) -> bool:
        if self._recipe.patience is None or self._dev is None:
            return False
        return len(self._history.epochs) - self._history.best >= self._recipe.patience


def metrics(logits: Tensor, labels: Tensor, targets: Tensor) -> dict[str, float]:
    """Return the loss, the unweighted average recall and the accuracy.

    Args:
        logits: Shape (turns, labels).
        labels: Shape (turns,).
        targets: Probabilities of the labels, shape (turns, labels), for the loss.
    """
    predicted, truth = logits.argmax(dim=1).numpy(), labels.numpy()
    # Only labels that occur; a label without development turns would count as a recall of 0.
    present = np.unique(truth)
    return {
        "dev_loss": float(class_loss(logits, targets)),
        "dev_ua": float(recall_score(truth, predicted, labels=present, average="macro")),
        "dev_wa": float(accuracy_score(truth, predicted)),
    }


def _not_finite(loss: Tensor, ids: Sequence[str], *, epoch: int, step: int) -> TrainingError:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    what = "gradient" if loss.isfinite() else "loss"
    where = f"in epoch {epoch + 1}, step {step + 1}, on turns {', '.join(ids[:_SHOWN])}{more}"
    advice = "Try a lower learning rate or float32, and check the audio of these turns"
    return TrainingError(
        f"the {what} is not finite {where}; the last checkpoint is intact. {advice}"
    )
