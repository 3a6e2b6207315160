"""Losses over tuples of descriptors and hard-negative miners for visual place recognition.

Names are loaded when first asked for, so that a host may list the components without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_losses.contrastive import Contrastive
    from vpr_losses.hard_negatives import HardNegatives
    from vpr_losses.info_nce import InfoNCE
    from vpr_losses.partial_negatives import PartialNegatives
    from vpr_losses.ragged import Ragged
    from vpr_losses.random_negatives import RandomNegatives
    from vpr_losses.ranking import WeaklySupervisedRanking
    from vpr_losses.request import MiningRequest, Tuples
    from vpr_losses.sare import IndependentSARE, JointSARE
    from vpr_losses.triplet import SingleTriplet, UnsquaredRanking
    from vpr_losses.tuple_loss import TupleLoss

__all__ = [
    "Contrastive",
    "HardNegatives",
    "IndependentSARE",
    "InfoNCE",
    "JointSARE",
    "MiningRequest",
    "PartialNegatives",
    "Ragged",
    "RandomNegatives",
    "SingleTriplet",
    "TupleLoss",
    "Tuples",
    "UnsquaredRanking",
    "WeaklySupervisedRanking",
]
__version__ = "0.1.0"

_HOME = {
    "Contrastive": "contrastive",
    "HardNegatives": "hard_negatives",
    "IndependentSARE": "sare",
    "InfoNCE": "info_nce",
    "JointSARE": "sare",
    "MiningRequest": "request",
    "PartialNegatives": "partial_negatives",
    "Ragged": "ragged",
    "RandomNegatives": "random_negatives",
    "SingleTriplet": "triplet",
    "TupleLoss": "tuple_loss",
    "Tuples": "request",
    "UnsquaredRanking": "triplet",
    "WeaklySupervisedRanking": "ranking",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_losses' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_losses.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
