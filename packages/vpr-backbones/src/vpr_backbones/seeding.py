"""Random weights that depend on a seed, from any thread, and leave the global generator alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["seeded"]

_GLOBAL = threading.Lock()
"""Held while the global generator stands in for one of ours: it is one for the whole process."""
_HERE = threading.local()
"""``stands_in`` while it does so in this thread: an outer `seeded` then leaves the operation alone."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run constructors that draw random CPU tensors as if torch had just been seeded with ``seed``.

    The numbers come from a generator of this context alone, which is handed to every operation that draws. So they are
    those of ``torch.manual_seed(seed)``, the global generator is neither read nor moved, and threads that assemble
    networks, or draw for purposes of their own, at the same time do not see each other.

    Example:
        >>> with seeded(3):
        ...     inside = torch.nn.Linear(4, 2).weight
        >>> outside = torch.nn.Linear(4, 2).weight  # of the global generator
        >>> with seeded(3):
        ...     assert torch.equal(inside, torch.nn.Linear(4, 2).weight)
    """
    with _OwnGenerator(torch.Generator().manual_seed(seed)):
        yield


class _OwnGenerator(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Every operation of this thread that draws on the CPU draws from ``generator``.

    Operations that take a generator are given it. The few that take none (dropout) run while the global generator,
    under a lock, is in the state of ours.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generator = generator

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: a guard against being compiled would import the compiler, which takes a second."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded not in func.tags or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        if getattr(_HERE, "stands_in", False):
            return func(*args, **kwargs)
        if any(isinstance(value, torch.Tensor) and value.device.type not in ("cpu", "meta") for value in args):
            return func(*args, **kwargs)
        if torch.device(kwargs.get("device") or "cpu").type not in ("cpu", "meta"):
            return func(*args, **kwargs)
        if any(argument.name == "generator" for argument in func._schema.arguments):
            return func(*args, **{**kwargs, "generator": self._generator})
        with _GLOBAL, torch.random.fork_rng(devices=[]):
            _HERE.stands_in = True
            try:
                torch.default_generator.set_state(self._generator.get_state())
                drawn = func(*args, **kwargs)
                self._generator.set_state(torch.default_generator.get_state())
            finally:
                _HERE.stands_in = False
        return drawn
