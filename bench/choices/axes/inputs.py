"""Pixels prepared otherwise than the weights want: all the code runs, nothing is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.choices.lab import Lab, Row
from vpr_backbones import Normalization

MEAN, STD, ONE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), (1.0, 1.0, 1.0)
ZERO = (0.0, 0.0, 0.0)
WAYS: Mapping[str, Normalization] = {
    "0..255": Normalization(mean=ZERO, std=ONE, scale=255.0),
    "0..1, nothing else": Normalization(mean=ZERO, std=ONE),
    "mean only": Normalization(mean=MEAN, std=ONE),
}
ANEW = ("0..255", "0..1, nothing else")
"""Ways in which NetVLAD's clusters are found anew, too."""


def prepared(way: Normalization) -> Callable[[Any], None]:
    """Return what makes a backbone ask for pixels in that way."""

    def change(backbone: Any) -> None:
        backbone.mean, backbone.std, backbone.input_scale = way.mean, way.std, way.scale

    return change


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows of each way with layers fitted the right way, and of NetVLAD fitted anew in the same wrong way."""
    for name, way in WAYS.items():
        other = lab.fitted.other_backbone(prepared(way))
        maps = (lab.encode(lab.pictures[0], backbone=other), lab.encode(lab.pictures[1], backbone=other))
        yield from lab.of_maps(name, maps)
        if name not in ANEW:
            continue
        anew = lab.fitted.netvlad(backbone=other, label=name)
        heads = {"NetVLAD": anew}
        yield from lab.of_maps(f"{name}, clusters found so too", maps, heads=heads, sides=("both",))
    turned = tuple(images.flip(1) for images in lab.pictures)
    yield from lab.of_maps("BGR", (lab.encode(turned[0]), lab.encode(turned[1])))
