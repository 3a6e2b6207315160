"""The exponent of GeM, without training it."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from bench.choices.lab import Lab, Row
from bench.choices.networks import pooled
from vpr_pooling import AveragePooling, GeM, MaxPooling

EXPONENTS = (1.0, 1.5, 2.0, 4.0, 6.0, 10.0)


def measure(lab: Lab) -> Iterator[Row]:
    """Yield rows against an exponent of 3."""
    channels = lab.fitted.backbone.out_channels
    layers: dict[str, nn.Module] = {f"p = {p:g}": GeM(in_channels=channels, p=p).eval() for p in EXPONENTS}
    layers["p = infinity (max)"] = MaxPooling(in_channels=channels).eval()
    layers["mean, signs kept (average pooling)"] = AveragePooling(in_channels=channels).eval()
    layers["local features normalised first"] = GeM(in_channels=channels, normalize_input=True).eval()
    for name, layer in layers.items():
        yield lab.row(name, "both", "GeM", (pooled(layer, lab.maps[0]), pooled(layer, lab.maps[1])))
