"""Pooling layers for visual place recognition: NetVLAD exactly as published, GeM, max, average.

Names are loaded when first asked for, so that a host may list the components without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_pooling.gem import GeM
    from vpr_pooling.lloyd import KMeans, kmeans
    from vpr_pooling.netvlad import VLAD, NetVLAD
    from vpr_pooling.simple import AveragePooling, MaxPooling

__all__ = ["VLAD", "AveragePooling", "GeM", "KMeans", "MaxPooling", "NetVLAD", "kmeans"]
__version__ = "0.1.0"

_HOME = {
    "AveragePooling": "simple",
    "GeM": "gem",
    "KMeans": "lloyd",
    "MaxPooling": "simple",
    "NetVLAD": "netvlad",
    "VLAD": "netvlad",
    "kmeans": "lloyd",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_pooling' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_pooling.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
