"""Contract tests: a plug-in author subclasses one and gets the tests that the built-in components pass.

Needs the extra ``vpr-core[testing]``: pytest, torch and numpy, which nothing else in this distribution imports.
"""

from __future__ import annotations

from vpr_core.testing.backbone import BackboneContract
from vpr_core.testing.case import Case, Contract, Trial, over_registry
from vpr_core.testing.dataset import DatasetContract
from vpr_core.testing.engine import EngineContract
from vpr_core.testing.index import IndexContract
from vpr_core.testing.logger import LoggerContract
from vpr_core.testing.loss import LossContract
from vpr_core.testing.miner import MinerContract
from vpr_core.testing.place_loss import PlaceLossContract
from vpr_core.testing.pooling import PoolingContract
from vpr_core.testing.reranker import RerankerContract
from vpr_core.testing.run import breaches
from vpr_core.testing.runtime import RuntimeContract
from vpr_core.testing.sequence import SequenceContract
from vpr_core.testing.tuple_loss import TupleLossContract

__all__ = [
    "BackboneContract",
    "Case",
    "Contract",
    "DatasetContract",
    "EngineContract",
    "IndexContract",
    "LoggerContract",
    "LossContract",
    "MinerContract",
    "PlaceLossContract",
    "PoolingContract",
    "RerankerContract",
    "RuntimeContract",
    "SequenceContract",
    "Trial",
    "TupleLossContract",
    "breaches",
    "over_registry",
]
