"""Re-ranking: the first answers of a search in a better order, by their descriptors or by local evidence.

Names are loaded when first asked for, so that a host may list the components without importing numpy or OpenCV.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_rerank.dense import DenseMatcher
    from vpr_rerank.expansion import AlphaQueryExpansion
    from vpr_rerank.matching import mutual_nearest
    from vpr_rerank.neighbours import Neighbours
    from vpr_rerank.reciprocal import KReciprocal
    from vpr_rerank.rootsift import RootSIFTMatcher
    from vpr_rerank.spatial import spatial_score

__all__ = [
    "AlphaQueryExpansion",
    "DenseMatcher",
    "KReciprocal",
    "Neighbours",
    "RootSIFTMatcher",
    "mutual_nearest",
    "spatial_score",
]
__version__ = "0.1.0"

_HOME = {
    "AlphaQueryExpansion": "expansion",
    "DenseMatcher": "dense",
    "KReciprocal": "reciprocal",
    "Neighbours": "neighbours",
    "RootSIFTMatcher": "rootsift",
    "mutual_nearest": "matching",
    "spatial_score": "spatial",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_rerank' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_rerank.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
