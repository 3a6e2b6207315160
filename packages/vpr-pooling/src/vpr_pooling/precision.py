"""Keeping the arithmetic of a pooling layer in float32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

__all__ = ["raised", "without_autocast"]


def raised(x: Tensor) -> Tensor:
    """Return ``x`` in float32, or unchanged when it is float32 or float64 already."""
    return x if x.dtype == torch.float64 else x.float()


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which autocast leaves operations on ``x``'s device alone.

    Entered only where autocast is on, so that an exported graph holds no trace of it.
    """
    kind = x.device.type
    if _knows_autocast(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(device_type=kind, enabled=False)
    return nullcontext()


def _knows_autocast(kind: str) -> bool:
    # torch 2.10 cannot trace the question, and need not: on a device without autocast nobody compiles. The decorator
    # that would hide it from the tracer imports the whole compiler, two seconds for everyone who only imports a layer.
    return kind != "meta" and (torch.compiler.is_compiling() or torch.amp.is_autocast_available(kind))
