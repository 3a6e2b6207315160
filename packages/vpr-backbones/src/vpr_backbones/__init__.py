"""Feature extractors for visual place recognition: torchvision, timm and a tiny CNN, cut at a named stage."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_backbones.importers import ImportedPooling, ImportedRetriever, read_retriever
    from vpr_backbones.normalization import NORMALIZATIONS, Normalization
    from vpr_backbones.receptive import receptive_field
    from vpr_backbones.rootsift import build_rootsift
    from vpr_backbones.staged import StagedBackbone
    from vpr_backbones.timm import build_timm
    from vpr_backbones.tiny import build_tiny
    from vpr_backbones.tokens import ClassTokenBackbone, TokenBackbone
    from vpr_backbones.torchvision import build_torchvision
    from vpr_backbones.weights import WeightsFile, WeightsOrigin, read_weights

__all__ = [
    "NORMALIZATIONS",
    "ClassTokenBackbone",
    "ImportedPooling",
    "ImportedRetriever",
    "Normalization",
    "StagedBackbone",
    "TokenBackbone",
    "WeightsFile",
    "WeightsOrigin",
    "build_rootsift",
    "build_timm",
    "build_tiny",
    "build_torchvision",
    "read_retriever",
    "read_weights",
    "receptive_field",
]
__version__ = "0.1.0"

_HOMES = {
    "ImportedPooling": "importers",
    "ImportedRetriever": "importers",
    "read_retriever": "importers",
    "ClassTokenBackbone": "tokens",
    "TokenBackbone": "tokens",
    "build_timm": "timm",
    "NORMALIZATIONS": "normalization",
    "Normalization": "normalization",
    "StagedBackbone": "staged",
    "WeightsFile": "weights",
    "WeightsOrigin": "weights",
    "build_rootsift": "rootsift",
    "build_tiny": "tiny",
    "build_torchvision": "torchvision",
    "read_weights": "weights",
    "receptive_field": "receptive",
}


def __getattr__(name: str) -> Any:
    """Import on first use: a host lists the components of `vpr_backbones.plugin` without torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
