"""Every component keeps the contract that the toolkit's own keep."""

from __future__ import annotations

from typing import ClassVar

from vpr_core.testing import PoolingContract
from vpr_modern_pooling.plugin import vpr_poolings

SPECS = {spec.name: spec for spec in vpr_poolings()}
CHANNELS = 10
"""Not those that tests/test_contracts.py tries every installed layer with."""


class TestConvAP(PoolingContract):
    spec = SPECS["convap"]
    channels = CHANNELS
    parameters: ClassVar = {"channels": 8}


class TestConvAPOfOneCell(PoolingContract):
    spec = SPECS["convap"]
    channels = CHANNELS
    parameters: ClassVar = {"channels": 8, "grid": (1, 1)}


class TestCosPlace(PoolingContract):
    spec = SPECS["cosplace"]
    channels = CHANNELS
    parameters: ClassVar = {"dim": 16}


class TestEigenPlaces(PoolingContract):
    spec = SPECS["eigenplaces"]
    channels = CHANNELS
    parameters: ClassVar = {"dim": 16}


class TestMixVPR(PoolingContract):
    spec = SPECS["mixvpr"]
    channels = CHANNELS
    parameters: ClassVar = {"channels": 8, "rows": 2, "depth": 2}
    any_size = False


class TestSALAD(PoolingContract):
    spec = SPECS["salad"]
    channels = CHANNELS
    parameters: ClassVar = {"num_clusters": 4, "cluster_dim": 8, "token_dim": 8, "hidden": 16}
    min_locations = 6


class TestSALADWithoutToken(PoolingContract):
    spec = SPECS["salad"]
    channels = CHANNELS
    parameters: ClassVar = {"num_clusters": 4, "cluster_dim": 8, "token_dim": 0, "hidden": 16}
    min_locations = 6


class TestBoQ(PoolingContract):
    spec = SPECS["boq"]
    channels = CHANNELS
    parameters: ClassVar = {"channels": 16, "num_queries": 4, "rows": 4, "head_dim": 8}


class TestRMAC(PoolingContract):
    spec = SPECS["rmac"]
    channels = CHANNELS


class TestCRN(PoolingContract):
    spec = SPECS["crn"]
    channels = CHANNELS
    parameters: ClassVar = {"num_clusters": 4}
