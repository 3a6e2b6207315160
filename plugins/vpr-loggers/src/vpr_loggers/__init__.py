"""The records of a training in TensorBoard: ``loggers: [{type: tensorboard}]`` in a run file."""

from __future__ import annotations

__all__: list[str] = []
