"""Pooling layers after NetVLAD: ConvAP, CosPlace, EigenPlaces, MixVPR, SALAD, BoQ, R-MAC, CRN.

Names are loaded when first asked for, so that a host may list the components without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_modern_pooling.authors import (
        boq_from_authors,
        convap_from_authors,
        cosplace_from_authors,
        crn_from_authors,
        mixvpr_from_authors,
        salad_from_authors,
    )
    from vpr_modern_pooling.boq import BoQ
    from vpr_modern_pooling.convap import ConvAP
    from vpr_modern_pooling.cosplace import CosPlaceHead
    from vpr_modern_pooling.crn import CRN
    from vpr_modern_pooling.mixvpr import MixVPR
    from vpr_modern_pooling.rmac import RMAC
    from vpr_modern_pooling.salad import SALAD

__all__ = [
    "CRN",
    "RMAC",
    "SALAD",
    "BoQ",
    "ConvAP",
    "CosPlaceHead",
    "MixVPR",
    "boq_from_authors",
    "convap_from_authors",
    "cosplace_from_authors",
    "crn_from_authors",
    "mixvpr_from_authors",
    "salad_from_authors",
]
__version__ = "0.1.0"

_HOME = {
    "CRN": "crn",
    "RMAC": "rmac",
    "SALAD": "salad",
    "BoQ": "boq",
    "ConvAP": "convap",
    "CosPlaceHead": "cosplace",
    "MixVPR": "mixvpr",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'vpr_modern_pooling' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_modern_pooling.{_HOME.get(name, 'authors')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
