"""torch's own optimisers, without the two seconds in which they tell torch's compiler to leave them alone.

Their methods are wrapped so that ``torch.compile`` does not look into them; the first call of each imports the whole
compiler (sympy, triton, inductor). Nothing here compiles a step, so the functions inside are called: the same
arithmetic, bit for bit, and the same state in a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import torch
from torch.optim import Optimizer

__all__ = ["SGD", "Adam", "AdamW"]


class _Uncompiled(Optimizer):
    """Goes past the wrappers of `torch.optim.Optimizer`."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        unwrap(Optimizer.add_param_group)(self, param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        unwrap(Optimizer.zero_grad)(self, set_to_none)

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = unwrap(Optimizer.state_dict)(self)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        unwrap(Optimizer.load_state_dict)(self, state_dict)


class SGD(_Uncompiled, torch.optim.SGD):
    """`torch.optim.SGD`."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step."""
        return unwrap(torch.optim.SGD.step)(self, closure)


class Adam(_Uncompiled, torch.optim.Adam):
    """`torch.optim.Adam`."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step."""
        return unwrap(torch.optim.Adam.step)(self, closure)


class AdamW(_Uncompiled, torch.optim.AdamW):
    """`torch.optim.AdamW`."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step."""
        return unwrap(torch.optim.AdamW.step)(self, closure)
