"""Trained layers of the authors' checkpoints: which of ours they are, with parameters read from their shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vpr_core import AdoptedPooling

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["adopt_convap", "adopt_cosplace", "adopt_mixvpr"]


def adopt_convap(tensors: Mapping[str, Tensor]) -> AdoptedPooling | None:
    """GSV-Cities' ConvAP: a 1x1 convolution. Its grid is not in the file; 2 x 2 is what was published."""
    if set(tensors) != {"channel_pool.weight", "channel_pool.bias"}:
        return None
    from vpr_modern_pooling.authors import convap_from_authors

    return AdoptedPooling(
        parameters={"channels": len(tensors["channel_pool.bias"]), "grid": [2, 2]}, state=convap_from_authors(tensors)
    )


def adopt_cosplace(tensors: Mapping[str, Tensor]) -> AdoptedPooling | None:
    """CosPlace's and EigenPlaces' head: generalised mean and a linear layer."""
    if set(tensors) != {"1.p", "3.weight", "3.bias"}:
        return None
    from vpr_modern_pooling.authors import cosplace_from_authors

    return AdoptedPooling(parameters={"dim": len(tensors["3.bias"])}, state=cosplace_from_authors(tensors))


def adopt_mixvpr(tensors: Mapping[str, Tensor]) -> AdoptedPooling | None:
    """MixVPR's mixers and projections; their map is square, as published."""
    if not {"channel_proj.weight", "row_proj.weight", "mix.0.mix.1.weight"} <= set(tensors):
        return None
    from vpr_modern_pooling.authors import mixvpr_from_authors

    hidden, locations = tensors["mix.0.mix.1.weight"].shape
    side = math.isqrt(locations)
    if side * side != locations:
        raise ValueError(f"mix.0.mix.1.weight of MixVPR has {locations} locations, which is no square map")
    return AdoptedPooling(
        parameters={
            "channels": len(tensors["channel_proj.weight"]),
            "rows": len(tensors["row_proj.weight"]),
            "depth": sum(name.endswith(".mix.1.weight") for name in tensors),
            "mlp_ratio": hidden / locations,
        },
        state=mixvpr_from_authors(tensors),
        map_size=(side, side),
    )
