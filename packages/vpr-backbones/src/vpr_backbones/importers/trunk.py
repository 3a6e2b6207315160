"""Which network a bundle of tensors is the trunk of."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vpr_backbones.table import NETWORKS, Stage
from vpr_backbones.torchvision import make_network

__all__ = ["recognize", "trunk_of_convolutions"]

_CANDIDATES = (
    "vgg16",
    "alexnet",
    "caffe_alexnet",
    *("resnet18", "resnet50", "resnet101", "resnet34", "resnet152"),
    *("vgg11", "vgg13", "vgg19"),
)
_RESNET_CHILDREN = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
_COUNTER = "num_batches_tracked"


def recognize(trunk: Mapping[str, Tensor], *, source: str) -> tuple[str, str, dict[str, Tensor]]:
    """Find the network of which ``trunk`` holds the first layers, as ``nn.Sequential(*children)`` numbers them.

    Args:
        trunk: ``"0.weight" -> tensor``.
        source: for messages.

    Returns:
        Its name, the cut, and the tensors by the network's own names.

    Raises:
        ValueError: it is none of those known.
    """
    for name in _CANDIDATES:
        shapes = _shapes(name)
        renamed = {_rename(key, name): value for key, value in trunk.items()}
        if all(shapes.get(key) == value.shape for key, value in renamed.items()):
            cut = _cut(NETWORKS[name].stages, shapes, set(renamed))
            if cut:
                return name, cut, renamed
    first = next(iter(trunk), "none")
    raise ValueError(
        f"weights: the trunk of this {source} file is none of {', '.join(_CANDIDATES)}; it has {len(trunk)} tensors, "
        f"the first is {first} {tuple(trunk[first].shape) if trunk else ''}"
    )


def trunk_of_convolutions(convolutions: Sequence[tuple[Tensor, Tensor]], *, source: str) -> dict[str, Tensor]:
    """Name the tensors of a plain chain of convolutions as ``nn.Sequential`` would number them.

    Raises:
        ValueError: no known network has these convolutions.
    """
    for name in _CANDIDATES:
        places = _convolutions(name)
        if [shape for _, shape in places] == [weight.shape for weight, _ in convolutions]:
            pairs = zip(places, convolutions, strict=True)
            return {
                f"{index}.{kind}": value
                for (index, _), (weight, bias) in pairs
                for kind, value in (("weight", weight), ("bias", bias))
            }
    shapes = ", ".join(str(tuple(weight.shape)) for weight, _ in convolutions[:3])
    raise ValueError(
        f"weights: the {len(convolutions)} convolutions of this {source} network ({shapes}, ...) are those of no "
        f"network known here: {', '.join(_CANDIDATES)}"
    )


@functools.cache
def _convolutions(name: str) -> list[tuple[int, torch.Size]]:
    """Places and shapes of the convolutions of a plain chain; none of a network that is no chain."""
    if name.startswith("resnet"):
        return []
    with torch.device("meta"):
        features = getattr(make_network(name), "features", ())
    return [(index, layer.weight.shape) for index, layer in enumerate(features) if isinstance(layer, nn.Conv2d)]


@functools.cache
def _shapes(name: str) -> Mapping[str, torch.Size]:
    with torch.device("meta"):
        return {key: value.shape for key, value in make_network(name).state_dict().items()}


def _rename(key: str, network: str) -> str:
    child, _, rest = key.partition(".")
    if not network.startswith("resnet"):
        return key if child == "features" else f"features.{key}"
    known = child.isdigit() and int(child) < len(_RESNET_CHILDREN)
    return f"{_RESNET_CHILDREN[int(child)]}.{rest}" if known else key


def _cut(stages: Sequence[Stage], shapes: Mapping[str, torch.Size], have: set[str]) -> str:
    """The last stage of which everything is there; nothing may be there above it."""
    needed: set[str] = set()
    cut = ""
    for stage in stages:
        here = {key for path in stage.body for key in shapes if _inside(key, path) and not key.endswith(_COUNTER)}
        if not here <= have:
            break
        needed |= here
        cut = stage.name
    return cut if {key for key in have if not key.endswith(_COUNTER)} == needed else ""


def _inside(key: str, path: str) -> bool:
    parent, _, last = path.rpartition(".")
    if ":" not in last:
        return key.startswith(f"{path}.")
    start, stop = map(int, last.split(":"))
    return any(key.startswith(f"{parent}.{index}.") for index in range(start, stop))
