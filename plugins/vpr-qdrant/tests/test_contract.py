"""The contract of indexes: in memory, in a folder, over HTTP, and on a real server where there is one."""

from __future__ import annotations

import os
import sqlite3
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
    "exact": "an embedded database is always exact",
    "links": "an embedded database has no graph",
    "ef_construction": "an embedded database has no graph",
    "ef_search": "an embedded database has no graph",
}


class TestInMemory(IndexContract):
    spec = SPEC
    inert = INERT


class TestInnerProduct(TestInMemory):
    parameters: ClassVar = {"metric": "ip", "batch": 7}


class TestInAFolder(TestInMemory):
    size = 160
    inert = INERT | {"metric": "as in memory"}

    @pytest.fixture(autouse=True)
    def _unsafe_but_fast(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The embedded database commits point by point; what a power cut would leave is not asked here."""
        connect = sqlite3.connect

        def fast(*given: Any, **settings: Any) -> sqlite3.Connection:
            connection = connect(*given, **settings)
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA journal_mode=MEMORY")
            return connection

        monkeypatch.setattr(sqlite3, "connect", fast)

    def make_parameters(self, folder: Path) -> Mapping[str, Any]:
        return {"path": folder / "qdrant"}


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
