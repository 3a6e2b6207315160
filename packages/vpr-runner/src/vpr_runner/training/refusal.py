"""A step that is refused leaves what its modules remember as it was: one rule for every loss and every network.

Whoever remembers does so in buffers, in the midst of ``forward``: a memory of earlier batches, running statistics of
batch normalisation. Whether the step is taken is known later, when the gradient is there. So buffers are copied first
and put back unless the step was taken. (What is copied is small beside a step: a memory of 100,000 descriptors of 512
numbers is 200 MiB, which such a loss copies itself at every batch.)
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

import torch
from torch import Tensor, nn

__all__ = ["Remembered"]


class Remembered:
    """Copies of the buffers of ``modules``, put back when the block is left without `keep` having been called.

    ::

        with Remembered([network, loss]) as memory:
            ...  # forward, backward, and whatever else may raise
            optimizer.step()
            memory.keep()
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._modules = modules
        self._before: list[tuple[nn.Module, dict[str, tuple[Tensor | None, Tensor | None]]]] = []
        self._kept = False

    def keep(self) -> None:
        """The step was taken: what was learnt since is right."""
        self._kept = True

    def __enter__(self) -> Remembered:
        self._before = [
            (owner, {name: (value, None if value is None else value.clone()) for name, value in owner._buffers.items()})
            for module in self._modules
            for owner in module.modules()
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._kept:
            self._put_back()
        self._before = []

    @torch.no_grad()
    def _put_back(self) -> None:
        for owner, before in self._before:
            for name in [name for name in owner._buffers if name not in before]:
                delattr(owner, name)
            for name, (value, copy) in before.items():
                if value is not None and copy is not None and value.shape == copy.shape:
                    value.copy_(copy)  # the very tensor, which others may hold
                    owner._buffers[name] = value
                else:
                    owner._buffers[name] = copy
