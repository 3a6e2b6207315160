"""From a whole network and a table of stages to a `StagedBackbone`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vpr_backbones.table import Stage

__all__ = ["WithoutHead", "cut_network", "measure"]

_HEAD = 2**24
"""Matrices of this many numbers occur only in the fully connected heads of AlexNet and VGG (16.8 M to 103 M)."""


class WithoutHead(TorchFunctionMode):
    """While a network is constructed, leave the huge matrices of its classifier without memory.

    They are never used here, but drawing 120 M random numbers takes VGG four seconds and half a gigabyte.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty and args and isinstance(args[0], tuple | list) and len(args[0]) == 2:
            rows, columns = args[0]
            if rows * columns >= _HEAD:
                kwargs["device"] = "meta"
        return func(*args, **kwargs)


def cut_network(network: nn.Module, stages: Sequence[Stage], cut: str) -> dict[str, nn.Module]:
    """Return name -> module of the stages up to ``cut``; the last one without its tail.

    Raises:
        ValueError: ``cut`` is no stage; lists the stages.
    """
    names = [stage.name for stage in stages]
    if cut not in names:
        raise ValueError(f"cut must be one of the stages {', '.join(names)}, got {cut!r}")
    kept = stages[: names.index(cut) + 1]
    return {
        stage.name: _chain(
            [
                module
                for path in stage.body + (() if stage.name == cut else stage.tail)
                for module in _modules(network, path)
            ]
        )
        for stage in kept
    }


@torch.inference_mode()
def measure(stages: Mapping[str, nn.Module], *, size: tuple[int, int] = (128, 64)) -> tuple[int, int]:
    """Return the number of channels and the stride of a chain of stages, by running an image of ``size`` through it.

    Strides are powers of two; maps are shorter than ``size / stride`` by a few cells where a network does not pad.
    """
    chain = nn.Sequential(*stages.values())
    modes = [(module, module.training) for module in chain.modules()]
    chain.eval()
    features: Tensor = chain(torch.zeros(1, 3, *size, device=next(chain.parameters()).device))
    for module, mode in modes:
        module.training = mode
    return features.shape[1], 2 ** round(math.log2(size[0] / features.shape[2]))


def _chain(modules: list[nn.Module]) -> nn.Module:
    return modules[0] if len(modules) == 1 else nn.Sequential(*modules)


def _modules(network: nn.Module, path: str) -> Iterator[nn.Module]:
    """``layer1`` is a module, ``features.3:5`` two of a sequence."""
    parent, _, last = path.rpartition(".")
    if ":" not in last:
        yield network.get_submodule(path)
        return
    start, stop = map(int, last.split(":"))
    sequence = network.get_submodule(parent)
    if not isinstance(sequence, Iterable):
        raise TypeError(f"{parent} is no sequence of modules")
    yield from list(sequence)[start:stop]
