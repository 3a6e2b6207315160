"""Losses of pytorch-metric-learning for training by place labels, and the GSV-Cities data set.

Names are loaded when first asked for, so that a host may list the components without importing torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_metric_learning.gsv_cities import GSVCities
    from vpr_metric_learning.labelled import LabelledLoss
    from vpr_metric_learning.memory import CrossBatchMemory
    from vpr_metric_learning.pairs import circle, contrastive, multi_similarity, ntxent, supcon
    from vpr_metric_learning.triplets import batch_all_triplet, batch_hard_triplet, semi_hard_triplet

__all__ = [
    "CrossBatchMemory",
    "GSVCities",
    "LabelledLoss",
    "batch_all_triplet",
    "batch_hard_triplet",
    "circle",
    "contrastive",
    "multi_similarity",
    "ntxent",
    "semi_hard_triplet",
    "supcon",
]
__version__ = "0.1.0"

_HOME = {
    "CrossBatchMemory": "memory",
    "GSVCities": "gsv_cities",
    "LabelledLoss": "labelled",
    "batch_all_triplet": "triplets",
    "batch_hard_triplet": "triplets",
    "circle": "pairs",
    "contrastive": "pairs",
    "multi_similarity": "pairs",
    "ntxent": "pairs",
    "semi_hard_triplet": "triplets",
    "supcon": "pairs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vpr_metric_learning' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"vpr_metric_learning.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
