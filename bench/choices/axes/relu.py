"""Features before or after the last ReLU: the other of the two than the network is plainly cut at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from bench.choices.lab import Lab, Row


class WithoutLast(nn.Module):
    """A residual block without the ReLU behind its sum: ``shortcut(x) + bn2(conv2(relu(bn1(conv1(x)))))``."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, h, w) -> (B, C', h', w')``."""
        block = self.block
        within = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
        shortcut: Tensor = x if block.downsample is None else block.downsample(x)
        return within + shortcut


def other_way(backbone: Any) -> str:
    """Change the end of ``backbone`` in place; return what it has become."""
    last = backbone.layers[backbone.stages[-1]]
    for name, module in reversed(list(last.named_modules())):
        kind = type(module).__name__
        if kind == "BasicBlock":
            parent, _, leaf = name.rpartition(".")
            setattr(last.get_submodule(parent), leaf, WithoutLast(module))
            return "before the last ReLU"
        if kind == "Fire":
            module.expand1x1_activation = module.expand3x3_activation = nn.Identity()
            return "before the last ReLU"
    backbone.layers[backbone.stages[-1]] = nn.Sequential(last, nn.ReLU())
    return "after the last ReLU"


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of NetVLAD fitted anew and of GeM; what the modern layer was trained on has no other end."""
    said: list[str] = []
    other = lab.fitted.other_backbone(lambda backbone: said.append(other_way(backbone)))
    maps = (lab.encode(lab.pictures[0], backbone=other), lab.encode(lab.pictures[1], backbone=other))
    heads = {"NetVLAD": lab.fitted.netvlad(backbone=other, label=said[0]), "GeM": lab.fitted.heads["GeM"]}
    yield from lab.of_maps("last ReLU the other way", maps, heads=heads, sides=("both",), end=said[0])
