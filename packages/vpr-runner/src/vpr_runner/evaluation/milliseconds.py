"""How long a network takes for an image, backbone and pooling apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import evaluating
from vpr_runner.encoding.source import ImageSource

if TYPE_CHECKING:
    from vpr_core.types import ImageSet
    from vpr_runner.network.retriever import Retriever

__all__ = ["milliseconds"]

BATCH = 16
LEAST_SECONDS, LEAST_ROUNDS = 0.2, 5


def milliseconds(retriever: Retriever, images: ImageSet, compute: Compute) -> dict[str, float]:
    """Return milliseconds per image of ``backbone`` and of ``pooling`` (with whitening, when there is one).

    Of a network that a runtime executes, the whole: ``network``.

    Measured on the first images of ``images`` in one batch of at most 16, decoding left out, after a warm-up. The
    fastest of at least five rounds counts: whatever else the machine does can only add to it.
    """
    batch = next(iter(ImageSource(images).batches(range(min(BATCH, len(images))), compute))).values
    with evaluating(retriever), torch.inference_mode(), compute.autocast():
        if retriever.execution is not None:
            return {"network": 1000 * _least_seconds(lambda: retriever(batch), compute) / len(batch)}
        features = _features(retriever, batch)
        times = {
            "backbone": _least_seconds(lambda: _features(retriever, batch), compute),
            "pooling": _least_seconds(lambda: retriever.pool(*features), compute),
        }
    return {part: 1000 * seconds / len(batch) for part, seconds in times.items()}


def _features(retriever: Retriever, images: Tensor) -> tuple[Any, ...]:
    if retriever.uses_global_token:
        return tuple(retriever.backbone.forward_with_token(retriever.normalize(images)))
    return (retriever.features(images),)


def _least_seconds(work: Callable[[], object], compute: Compute) -> float:
    _timed(work, compute)
    rounds: list[float] = []
    while len(rounds) < LEAST_ROUNDS or sum(rounds) < LEAST_SECONDS:
        rounds.append(_timed(work, compute))
    return min(rounds)


def _timed(work: Callable[[], object], compute: Compute) -> float:
    _synchronize(compute)
    start = time.perf_counter()
    work()
    _synchronize(compute)
    return time.perf_counter() - start


def _synchronize(compute: Compute) -> None:
    if compute.device.type == "cuda":
        torch.cuda.synchronize(compute.device)
