"""Networks of the toolkit by name: a trunk with published weights, and a pooling layer that needs no training.

Plain data, read without torch: `BACKBONES` times `POOLINGS`, ``resnet18-netvlad`` and so on, as a plug-in would yield
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_core import ModelSpec

__all__ = ["BACKBONES", "DEFAULT", "EXPECTED", "OFFLINE", "POOLINGS", "Trunk", "named_networks"]

DEFAULT = "resnet18-netvlad"
"""What a command takes when no network is named: small enough for a laptop, 45 MB of weights that are fetched once."""

EXPECTED = (
    "expect 70 to 74 of 100 first answers right where the usual network has 86 to 91 (two walks along one path by "
    "day), and fewer the more light, season or viewpoint change"
)
"""Of `OFFLINE`, by bench/results/offline.json, which a test compares."""

OFFLINE = "tiny-netvlad"
"""What takes its place where these weights cannot be had: nothing to fetch. Of networks with random weights the small
one under NetVLAD is much the best (bench/results/offline.json)."""


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """A backbone with published weights.

    Attributes:
        name: the first part of a model's name.
        block: of a run file.
        channels: of its feature map, at the stage where it is cut.
        size: of images, ``(height, width)``.
        title: how it is called.
        weights: whose, and their tag.
        licence: of the weights.
        megabytes: that are fetched once.
    """

    name: str
    block: Mapping[str, Any]
    channels: int
    title: str
    megabytes: int
    size: tuple[int, int] = (480, 640)
    weights: str = "torchvision IMAGENET1K_V1 (ImageNet)"
    licence: str = "none stated (torchvision's code: BSD-3-Clause)"


def _of_torchvision(name: str, channels: int, title: str, megabytes: int) -> Trunk:
    return Trunk(name=name, block={"type": name}, channels=channels, title=title, megabytes=megabytes)


def _dinov2(size: str, channels: int, megabytes: int) -> Trunk:
    return Trunk(
        name=f"dinov2-{size}",
        block={"type": "timm", "model": f"vit_{size}_patch14_dinov2.lvd142m"},
        channels=channels,
        title=f"DINOv2 ViT-{size[0].upper()}/14",
        megabytes=megabytes,
        size=(322, 322),
        weights="timm lvd142m (DINOv2)",
        licence="apache-2.0",
    )


BACKBONES = (
    _of_torchvision("resnet18", 256, "ResNet-18 up to layer3", 45),
    _of_torchvision("resnet50", 1024, "ResNet-50 up to layer3", 98),
    _of_torchvision("resnet101", 1024, "ResNet-101 up to layer3", 171),
    _of_torchvision("vgg16", 512, "VGG-16 up to conv5, the NetVLAD paper's", 528),
    _of_torchvision("alexnet", 256, "AlexNet up to conv5", 233),
    _of_torchvision("mobilenet_v3_large", 112, "MobileNet v3 large up to block5", 21),
    _of_torchvision("efficientnet_b0", 112, "EfficientNet-B0 up to block5", 20),
    _of_torchvision("convnext_tiny", 384, "ConvNeXt tiny up to stage3", 109),
    _dinov2("small", 384, 88),
    _dinov2("base", 768, 346),
)

POOLINGS: Mapping[str, tuple[Mapping[str, Any], int, str]] = {
    "netvlad": ({"type": "netvlad", "num_clusters": 64}, 64, "NetVLAD whose 64 clusters start from the images given"),
    "gem": ({"type": "gem"}, 1, "generalised mean (p = 3)"),
    "avg": ({"type": "avg"}, 1, "average"),
    "max": ({"type": "max"}, 1, "maximum (MAC)"),
}
"""Name -> block, numbers for each channel, and what it is."""


def named_networks() -> Iterator[ModelSpec]:
    """Yield every trunk with every pooling layer."""
    from vpr_core import ModelSpec  # here, as the command line reads the names above to say them

    for trunk in BACKBONES:
        for pooling, (block, factor, title) in POOLINGS.items():
            yield ModelSpec(
                name=f"{trunk.name}-{pooling}",
                run={"backbone": trunk.block, "pooling": block, "image": {"size": list(trunk.size)}},
                dim=trunk.channels * factor,
                summary=f"{trunk.title}, {title}; not trained for places",
                weights=trunk.weights,
                licence=trunk.licence,
                needs=f"network access once ({trunk.megabytes} MB)",
            )
    yield ModelSpec(
        name=OFFLINE,
        run={"backbone": {"type": "tiny"}, "pooling": POOLINGS["netvlad"][0], "image": {"size": [240, 320]}},
        dim=128 * 64,
        summary="five convolutions with random numbers, NetVLAD whose 64 clusters start from the images given",
    )
