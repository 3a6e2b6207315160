"""A training step on tuples: every distinct image once, against every image of every tuple."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.speed.measure import Effort, compare, peak_memory
from bench.speed.network import REGISTRY, make_config
from bench.speed.row import Row
from vpr_losses import WeaklySupervisedRanking
from vpr_runner import assemble
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.source import Batch
from vpr_runner.training.batches import TupleBatch, tuple_batches
from vpr_runner.training.state import MinedTuples
from vpr_runner.training.steps import Stepper

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from vpr_runner import Retriever

__all__ = ["measure"]

TUPLES, NEGATIVES = 4, 10


def measure(effort: Effort) -> list[Row]:
    """One step of 4 tuples of 12 images, ResNet-18 to layer3 + NetVLAD, everything trained but batch statistics."""
    size = (48, 64) if effort.quick else (240, 320)
    with tempfile.TemporaryDirectory() as name:
        backbone, compute = {"batch_norm": "frozen"}, {"device": effort.device}
        config = make_config(Path(name), image={"size": size}, backbone=backbone, compute=compute)
        retriever = assemble(config, REGISTRY).to(effort.device).train()
    step = _Step(retriever, Compute.of(config.compute, config.image))
    return [
        *_rows(effort, step, size, pool=TUPLES * NEGATIVES, what="no image in two tuples"),
        *_rows(effort, step, size, pool=NEGATIVES + 4, what="tuples that share negatives"),
    ]


def _rows(effort: Effort, step: _Step, size: tuple[int, int], *, pool: int, what: str) -> list[Row]:
    tuples = _tuples(pool)
    _, batch = next(iter(tuple_batches(tuples, size=TUPLES, queries=TUPLES)))
    generator = torch.Generator().manual_seed(0)
    shape = (TUPLES * 2 + pool, 3, *size)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).to(effort.device)
    contestants: dict[str, Callable[[], tuple[float, float]]] = {
        "ours": lambda: step.distinct(batch, pixels),
        "every image of every tuple": lambda: step.repeated(tuples, pixels),
        "ours, gradient caching, 12 images at a time": lambda: step.distinct(batch, pixels, micro_batch=12),
    }
    _agree({name: call() for name, call in contestants.items()})
    comparison = compare(contestants, repeats=effort.rounds(0.6), warmup=0)
    memory = {
        name: peak_memory(call, device=effort.device, warmup=effort.device == "cpu")
        for name, call in contestants.items()
    }
    return [
        Row.from_comparison(
            f"training step, {TUPLES} tuples of {2 + NEGATIVES}, {len(batch.images)} distinct images "
            f"{size[0]}x{size[1]}",
            comparison,
            reference=reference,
            memory=memory,
            count=TUPLES,
            unit="tuples",
            note=f"{what}; optimiser included, decoding not",
        )
        for reference in list(contestants)[1:]
    ]


class _Step:
    """Forward, backward and optimiser; the learning rate is 0, so that every step starts from the same weights."""

    def __init__(self, retriever: Retriever, compute: Compute) -> None:
        self._retriever, self._compute = retriever, compute
        self._loss = WeaklySupervisedRanking(margin=4.0)  # every triplet violates it
        parameters = [parameter for parameter in retriever.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.SGD(parameters, lr=0.0, momentum=0.9)

    def distinct(self, batch: TupleBatch, pixels: Tensor, *, micro_batch: int | None = None) -> tuple[float, float]:
        """Encode every image of the batch once, as `vpr train` does."""
        stepper = Stepper(optimizer=self._optimizer, compute=self._compute, micro_batch=micro_batch)
        batch = batch.to(self._compute.device)
        values = [Batch(np.arange(len(batch.images)), pixels[torch.from_numpy(batch.images)])]
        return stepper.step(self._retriever, values, partial(batch.terms, self._loss), seed=0)

    def repeated(self, tuples: MinedTuples, pixels: Tensor) -> tuple[float, float]:
        """Stack 12 images a tuple, whether or not another tuple has them too."""
        database = torch.cat([tuples.positives, tuples.negatives], dim=1) + TUPLES
        images = torch.cat([tuples.query[:, None], database], dim=1)
        self._optimizer.zero_grad(set_to_none=True)
        rows = self._retriever(pixels[images.flatten()]).view(TUPLES, images.shape[1], -1)
        total, count = self._loss.terms(rows[:, 0], rows[:, 1:2], rows[:, 2:])
        (total / count).backward()
        self._optimizer.step()
        return float(total.detach()), float(count.detach())


def _tuples(pool: int) -> MinedTuples:
    """Query ``t``, positive ``t``, and 10 of ``pool`` negatives: the next ones round the pool, without gaps."""
    stride = max(1, pool // TUPLES)
    negatives = [[TUPLES + (t * stride + k) % pool for k in range(NEGATIVES)] for t in range(TUPLES)]
    query = torch.arange(TUPLES)
    return MinedTuples(query=query, positives=query[:, None].clone(), negatives=torch.tensor(negatives))


def _agree(found: dict[str, tuple[float, float]]) -> None:
    (total, count), *others = found.values()
    for other, violating in others:
        if violating != count or abs(other - total) > 1e-3 * abs(total):
            raise AssertionError(f"the formulations of a step disagree: {found}")
