"""The contract of indexes: in the engine itself, over HTTP, and on a real server where there is one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from vpr_core import build_registry
from vpr_core.testing import IndexContract, Trial, breaches

SPEC = build_registry(strict=True).get("index", "qdrant")
INERT = {
    "path": "where the database lies",
    "url": "where the database lies",
    "api_key_variable": "of a server",
    "collection": "a name; test_places.py",
    "replace": "of a named collection; test_places.py",
    "prefer_grpc": "how it is asked, not what it answers",
    "grpc_port": "how it is asked, not what it answers",
    "timeout": "how long it may take",
    "batch": "must change nothing; test_search.py",
    "exact": "so few are always compared; test_edge.py",
    "links": "so few have no graph",
    "ef_construction": "so few have no graph",
    "ef_search": "so few have no graph",
    "quantization": "so few have no codes; test_edge.py",
    "oversampling": "so few have no codes; test_edge.py",
}


class TestInMemory(IndexContract):
    spec = SPEC
    inert = INERT


class TestInnerProduct(TestInMemory):
    parameters: ClassVar = {"metric": "ip", "batch": 7}


class TestInAFolder(TestInMemory):
    size = 160
    inert = INERT | {"metric": "as in memory"}

    def make_parameters(self, folder: Path) -> Mapping[str, Any]:
        return {"path": folder / "qdrant"}


class TestApproximate(TestInMemory):
    """What a small index does with a graph and codes: it compares everything."""

    parameters: ClassVar = {"exact": False, "quantization": "int8"}
    inert = INERT | {"metric": "as in memory"}


@pytest.mark.parametrize("metric", ["l2", "ip"])
def test_over_http(server: Any, metric: str) -> None:
    trial = Trial(parameters={"url": server.url, "metric": metric}, inert=INERT, options={"size": 200})
    assert breaches(IndexContract, SPEC, trial) == {}
    assert {path for _, path, _ in server.requests} > {"/"}


needs_server = pytest.mark.skipif(
    "VPR_QDRANT_URL" not in os.environ,
    reason="the environment variable VPR_QDRANT_URL names no Qdrant server (VPR_QDRANT_API_KEY: its key)",
)


class OnAServer(IndexContract):
    spec = SPEC
    inert = INERT

    def make_parameters(self, folder: Path) -> Mapping[str, Any]:
        key = {"api_key_variable": "VPR_QDRANT_API_KEY"} if "VPR_QDRANT_API_KEY" in os.environ else {}
        return {"url": os.environ["VPR_QDRANT_URL"], **key, **self.parameters}


@needs_server
class TestServer(OnAServer):
    pass


@needs_server
class TestServerByGrpc(OnAServer):
    parameters: ClassVar = {"prefer_grpc": True, "metric": "ip"}


@needs_server
class TestServersGraph(OnAServer):
    parameters: ClassVar = {"exact": False}
    exact = False
    min_recall = 0.9
