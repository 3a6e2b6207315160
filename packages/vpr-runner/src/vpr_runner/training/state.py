"""Everything a training run needs to go on bit for bit: the moving parts and where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vpr_core import UsageError
from vpr_runner.training.optimizers import SGD, Adam, AdamW

if TYPE_CHECKING:
    from vpr_core.config.sections import TrainConfig
    from vpr_runner.network.retriever import Retriever
    from vpr_runner.training.steps import Stepper

__all__ = ["MinedTuples", "PartSums", "TrainState", "make_optimizer", "set_rate"]


@dataclass(frozen=True, kw_only=True)
class MinedTuples:
    """The tuples of a part, whatever class the miner made them of."""

    query: Tensor
    positives: Tensor
    negatives: Tensor


@dataclass(kw_only=True)
class PartSums:
    """What is counted over a part for its line of metrics; seconds are of this process only and not reproducible."""

    loss: float = 0.0
    count: float = 0.0
    steps: int = 0
    samples: int = 0
    images: int = 0
    seconds: float = 0.0

    def add(self, *, loss: float, count: float, samples: int, images: int) -> None:
        """Count one batch; it made a step if its loss counts anything."""
        self.loss += loss
        self.count += count
        self.steps += count > 0
        self.samples += samples
        self.images += images

    def mean_loss(self) -> float:
        """Loss sum over loss count, as the steps saw it."""
        return self.loss / self.count if self.count else 0.0


@dataclass(kw_only=True)
class TrainState:
    """Where training stands: the next batch is ``(epoch, part, batch)``.

    No state of a random generator is here: what is drawn is a function of ``(seed, epoch, sample)``.

    Attributes:
        loss: its state is kept where it is a module: a memory of earlier batches lives in buffers.
        tuples: those of the part, once mined.
        best: score (the selected recall first, then its tie-breaks) and epoch of the best validation result.
        stale: epochs since.
    """

    retriever: Retriever
    stepper: Stepper
    loss: Any
    miner: Any = None
    epoch: int = 0
    part: int = 0
    batch: int = 0
    step: int = 0
    tuples: MinedTuples | None = None
    sums: PartSums = field(default_factory=PartSums)
    best_score: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    stale: int = 0
    validated: bool = False

    def state_dict(self, *, metrics_size: int) -> dict[str, Any]:
        """Return tensors and plain Python only."""
        return {
            "model": self.retriever.state_dict(),
            "optimizer": self.stepper.optimizer.state_dict(),
            "scaler": self.stepper.scaler.state_dict(),
            "loss": self.loss.state_dict() if isinstance(self.loss, nn.Module) else None,
            "miner": None if self.miner is None else dict(self.miner.state_dict()),
            "tuples": None if self.tuples is None else vars(self.tuples),
            "position": {name: getattr(self, name) for name in _POSITION},
            "sums": vars(self.sums),
            "best_score": list(self.best_score),
            "metrics_size": metrics_size,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up a saved state."""
        self.retriever.load_state_dict(state["model"])
        self.stepper.optimizer.load_state_dict(state["optimizer"])
        self.stepper.scaler.load_state_dict(state["scaler"])
        if isinstance(self.loss, nn.Module) and state.get("loss") is not None:  # older checkpoints have none
            self.loss.load_state_dict(state["loss"])
        if self.miner is not None:
            self.miner.load_state_dict(state["miner"])
        self.tuples = None if state["tuples"] is None else MinedTuples(**state["tuples"])
        for name in _POSITION:
            setattr(self, name, state["position"][name])
        self.sums = PartSums(**state["sums"])
        self.best_score = list(state["best_score"])

    def next_part(self) -> None:
        """The part is done."""
        self.part, self.batch, self.tuples, self.sums = self.part + 1, 0, None, PartSums()

    def next_epoch(self) -> None:
        """The epoch is done; its validation is still due."""
        self.epoch, self.part, self.validated = self.epoch + 1, 0, False


_POSITION = ("epoch", "part", "batch", "step", "best_epoch", "stale", "validated")


def make_optimizer(retriever: Retriever, settings: TrainConfig) -> torch.optim.Optimizer:
    """Return the optimiser of every parameter that is trained; a parameter is trained if it requires a gradient.

    Raises:
        UsageError: there is none.
    """
    parameters = [parameter for parameter in retriever.parameters() if parameter.requires_grad]
    if not parameters:
        raise UsageError(
            "train: the network has no parameter to train; set backbone.train_from to an earlier stage, take a "
            "pooling layer with parameters, or evaluate it as it is with `vpr eval`"
        )
    if settings.optimizer == "sgd":
        return SGD(parameters, lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay)
    kind = Adam if settings.optimizer == "adam" else AdamW
    return kind(parameters, lr=settings.lr, betas=(settings.momentum, 0.999), weight_decay=settings.weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, settings: TrainConfig, epoch: int) -> float:
    """Set and return the learning rate of ``epoch``: halved every ``lr_halve_every`` epochs."""
    rate = settings.lr * 0.5 ** halvings(settings, epoch)
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


def halvings(settings: TrainConfig, epoch: int) -> int:
    """Return how often the learning rate has been halved before ``epoch``."""
    return epoch // settings.lr_halve_every if settings.lr_halve_every else 0
