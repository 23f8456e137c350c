"""The one loop that trains: whatever learns, whatever it is fed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from emo2vec_plugins.errors import TrainingError
from emo2vec_plugins.models import DTYPES
from emo2vec_plugins.training.batches import batches, in_order
from emo2vec_plugins.training.examples import Example
from emo2vec_plugins.training.feeds import Feed
from emo2vec_plugins.training.learner import Learner
from emo2vec_plugins.training.objectives import class_loss, class_weights
from emo2vec_plugins.training.progress import Checkpoints, Progress, Row
from emo2vec_plugins.training.recipe import Recipe
from emo2vec_plugins.training.schedule import rate

_SHOWN = 8


class Side:
    """One side of a split, ready to be learnt from or judged by.

    Args:
        examples: The turns.
        classes: In the order of the head's rows.
        feed: Gives their inputs.
    """

    def __init__(self, examples: Sequence[Example], classes: Sequence[str], feed: Feed) -> None:
        self.examples = tuple(examples)
        self.labels = torch.tensor([classes.index(each.label) for each in examples])
        self.feed = feed


class Trainer:
    """Trains a learner, epoch by epoch, each from a random state of its own.

    Everything drawn in an epoch comes from the recipe's seed and the epoch's number, so that a
    run that goes on from a checkpoint draws what it would have drawn; on a CPU, with as many
    threads, it ends with the same weights to the last bit.

    Args:
        learner: Its weights change.
        recipe: Says how.
        train: To learn from.
        dev: To judge by; None for nothing.
        classes: In the order of the head's rows.
        checkpoints: Where the state goes after every epoch.
        device: Where to compute.
    """

    def __init__(
        self,
        learner: Learner,
        recipe: Recipe,
        *,
        train: Side,
        dev: Side | None,
        classes: Sequence[str],
        checkpoints: Checkpoints,
        device: torch.device,
    ) -> None:
        self._learner = learner.to(device)
        self._recipe = recipe
        self._train = train
        self._dev = dev
        self._device = device
        self._checkpoints = checkpoints
        labels = [each.label for each in train.examples]
        weights = class_weights(labels, classes) if recipe.class_weights else None
        self._weights = None if weights is None else weights.to(device)
        self._optimizer = torch.optim.AdamW(
            learner.groups(), lr=recipe.peak_rate, weight_decay=recipe.weight_decay
        )
        scaled = recipe.precision == "float16" and device.type == "cuda"
        self._scaler = torch.amp.grad_scaler.GradScaler(device.type, enabled=scaled)
        self._progress = Progress()
        self._average = _average(learner, recipe.average)

    @property
    def _judged_learner(self) -> Learner:
        """What is judged and saved."""
        return self._learner if self._average is None else cast(Learner, self._average.module)

    def run(self, *, done: Callable[[Row], None] = lambda _: None) -> Progress:
        """Train to the end, or until patience is out; the learner has the best weights then.

        Args:
            done: Called after each epoch, also with those that were done before.

        Raises:
            TrainingError: If a loss is not finite, or a checkpoint cannot be written.
            ResumeError, CheckpointError: If there is a checkpoint to go on from, but not of
                this run.
            AudioError: If a turn cannot be read.
        """
        self._resume()
        for row in self._progress.rows:
            done(row)
        while self._progress.epochs < self._recipe.epochs and not self._out_of_patience():
            self._progress.rows.append(self._epoch(self._progress.epochs))
            self._progress.best = self._best()
            self._checkpoints.save(self._progress, self._state())
            done(self._progress.rows[-1])
        if self._dev is not None and self._progress.best != self._progress.epochs:
            self._learner.restore(self._checkpoints.best(self._progress))
        else:
            self._learner.restore(self._judged_learner.learned())
        return self._progress

    def _resume(self) -> None:
        found = self._checkpoints.load()
        if found is None:
            return
        self._progress, state = found
        self._learner.restore(state["learned"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        if self._average is not None:
            self._judged_learner.restore(state["averaged"])
            self._average.n_averaged.fill_(1)  # the next step is averaged with these

    def _state(self) -> dict[str, Any]:
        averaged = {} if self._average is None else {"averaged": self._judged_learner.learned()}
        return {
            **averaged,
            "learned": self._learner.learned(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def _epoch(self, epoch: int) -> Row:
        began = time.monotonic()
        torch.manual_seed(_mixed(self._recipe.seed, epoch))
        self._learner.train()
        plan = batches(self._train.examples, self._recipe, epoch=epoch)
        losses = [
            self._step(indices, epoch=epoch, step=step, steps=len(plan))
            for step, indices in enumerate(plan)
        ]
        judged = self._judged()
        return Row(
            epoch=epoch + 1,
            train_loss=float(np.mean(losses)),
            learning_rate=self._optimizer.param_groups[0]["lr"],
            seconds=time.monotonic() - began,
            **judged,
        )

    def _step(self, indices: Sequence[int], *, epoch: int, step: int, steps: int) -> float:
        progress = (epoch + step / steps) / self._recipe.epochs
        self._set_rate(progress)
        rng = np.random.default_rng([self._recipe.seed, epoch, step])
        inputs = [x.to(self._device) for x in self._train.feed.inputs(indices, rng)]
        labels = self._train.labels[list(indices)].to(self._device)
        with self._autocast():
            logits = self._learner(inputs)
        smoothing = self._recipe.label_smoothing
        loss = class_loss(logits, labels, weights=self._weights, smoothing=smoothing)
        self._optimizer.zero_grad()
        torch.autograd.backward(self._scaler.scale(loss))
        self._scaler.unscale_(self._optimizer)
        norm = nn.utils.clip_grad_norm_(self._parameters(), self._recipe.clip_norm or torch.inf)
        if not self._is_sound(loss, norm):
            ids = [self._train.examples[index].id for index in indices]
            raise _not_finite(loss, ids, epoch=epoch, step=step)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.update_parameters(self._learner)
        return loss.item()

    def _is_sound(self, loss: Tensor, norm: Tensor) -> bool:
        # A gradient beyond float16 is what the scaler is there for: it skips the step.
        return bool(loss.isfinite()) and (self._scaler.is_enabled() or bool(norm.isfinite()))

    def _set_rate(self, progress: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = rate(self._recipe, progress) * group["factor"]

    def _parameters(self) -> Iterator[nn.Parameter]:
        for group in self._optimizer.param_groups:
            yield from group["params"]

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(
            self._device.type,
            DTYPES[self._recipe.precision],
            enabled=self._recipe.precision != "float32",
        )

    @torch.no_grad()
    def _judged(self) -> dict[str, float]:
        if self._dev is None:
            return {}
        learner = self._judged_learner.eval()
        parts = []
        for indices in in_order(self._dev.examples, self._recipe):
            inputs = [x.to(self._device) for x in self._dev.feed.inputs(indices, None)]
            with self._autocast():
                parts.append(learner(inputs).float().cpu())
        return judge(torch.cat(parts), self._dev.labels)

    def _best(self) -> int:
        if self._dev is None:
            return 0
        return max(self._progress.rows, key=self._worth).epoch  # the first of equals

    def _worth(self, row: Row) -> tuple[float, float]:
        # Few turns have few values of UA; of equal ones the lower loss is the better.
        loss, recall = -(row.dev_loss or 0.0), row.dev_ua or 0.0
        return (recall, loss) if self._recipe.monitor == "ua" else (loss, recall)

    def _out_of_patience(self) -> bool:
        if self._recipe.patience is None or self._dev is None:
            return False
        return self._progress.epochs - self._progress.best >= self._recipe.patience


def _average(learner: Learner, steps: int | None) -> AveragedModel | None:
    if steps is None:
        return None
    decay = get_ema_multi_avg_fn(1 - 1 / steps)  # type: ignore[no-untyped-call]
    return AveragedModel(learner, multi_avg_fn=decay)


def judge(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Return the loss, the unweighted average recall and the accuracy.

    Args:
        logits: Shape (turns, classes).
        labels: Shape (turns,).
    """
    from sklearn.metrics import accuracy_score, recall_score

    guesses = logits.argmax(dim=1).numpy()
    truth = labels.numpy()
    present = sorted(set(truth.tolist()))
    return {
        "dev_loss": float(class_loss(logits, labels, weights=None, smoothing=0.0)),
        "dev_ua": float(recall_score(truth, guesses, labels=present, average="macro")),
        "dev_wa": float(accuracy_score(truth, guesses)),
    }


def _mixed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


def _not_finite(loss: Tensor, ids: Sequence[str], *, epoch: int, step: int) -> TrainingError:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    what = "gradient" if loss.isfinite() else "loss"
    return TrainingError(
        f"the {what} is not finite in epoch {epoch + 1}, step {step + 1}, on turns "
        f"{', '.join(ids[:_SHOWN])}{more}; what was saved before is intact. Try a lower "
        "learning rate or float32, and listen to these turns"
    )
