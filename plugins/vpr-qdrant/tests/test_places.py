"""Where databases lie: what is made, kept, refused and taken away again."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qdrant_edge
from pydantic import ValidationError

from vpr_core import build_registry
from vpr_core.config import parse_run
from vpr_qdrant import QdrantIndex
from vpr_qdrant.edge import EdgeStore
from vpr_qdrant.plugin import QdrantConfig

ROWS = np.eye(4, dtype=np.float32)


def test_a_nameless_collection_goes_with_its_index(tmp_path: Path) -> None:
    index = QdrantIndex(dim=4, path=tmp_path)
    other = QdrantIndex(dim=4, path=tmp_path)
    index.add(ROWS)
    other.add(ROWS[:1])
    assert (len(index), len(other), len(list(tmp_path.iterdir()))) == (4, 1, 2)
    index.close()
    index.close()
    del other
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_named_collection_stays_and_is_not_overwritten(tmp_path: Path) -> None:
    with QdrantIndex(dim=4, path=tmp_path, collection="street") as index:
        index.add(ROWS)
        with pytest.raises(ValueError, match=r"collection: .*street is in use by another index or process"):
            QdrantIndex(dim=4, path=tmp_path, collection="street", replace=True)
    shard = qdrant_edge.EdgeShard.load(str(tmp_path / "street" / "shard"))  # as any other program of Qdrant's engine
    assert shard.count(qdrant_edge.CountRequest(exact=True)) == 4
    shard.close()
    with pytest.raises(ValueError, match=r"street is there already; name another, .* or allow .* replace=true"):
        QdrantIndex(dim=4, path=tmp_path, collection="street")
    with QdrantIndex(dim=4, path=tmp_path, collection="street", replace=True) as index:
        assert len(index) == 0


def test_a_folder_of_something_else_is_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    with pytest.raises(ValueError, match=r"photos is no collection of vpr-qdrant \(no vpr-qdrant.json\)"):
        QdrantIndex(dim=4, path=tmp_path, collection="photos", replace=True)
    assert (tmp_path / "photos" / "a.jpg").exists()


def test_a_server_holds_the_collection_as_long_as_the_index(server) -> None:
    index = QdrantIndex(dim=4, url=server.url, metric="ip")
    index.add(ROWS, positions=[[0, 0], [0, 1], [0, 2], [0, 3]])
    (name,) = server.collections()
    created = next(body for method, path, body in server.requests if (method, path) == ("PUT", f"/collections/{name}"))
    assert created["vectors"] == {"size": 4, "distance": "Dot"}
    assert created["optimizers_config"] == {"indexing_threshold": 0}
    assert ("PUT", f"/collections/{name}/index") in [(method, path) for method, path, _ in server.requests]
    assert index.search(ROWS[1:2], 4, near=[0, 1.0], radius=150_000.0).index.tolist() == [[1, 0, 2, -1]]
    index.close()
    assert server.collections() == []


def test_a_graph_is_built_and_searched_as_asked(server) -> None:
    with QdrantIndex(dim=4, url=server.url, exact=False, links=9, ef_construction=77, ef_search=55) as index:
        index.add(ROWS)
        index.search(ROWS[:1], 2)
    bodies = [(path.rpartition("/")[2], body) for _, path, body in server.requests if body]
    (created,) = (body for _, body in bodies if "hnsw_config" in body)
    assert created["hnsw_config"] == {"m": 9, "ef_construct": 77}
    assert "optimizers_config" not in created
    (asked,) = (body["searches"] for path, body in bodies if path == "batch")
    assert asked[0]["params"] == {"hnsw_ef": 55, "exact": False}


@pytest.mark.parametrize(
    ("codes", "created"),
    [("int8", {"scalar": {"type": "int8"}}), ("binary", {"binary": {}})],
)
def test_a_server_is_told_to_compare_again_what_its_codes_propose(server, codes: Any, created: Any) -> None:
    with QdrantIndex(dim=4, url=server.url, exact=False, quantization=codes, oversampling=3.0) as index:
        index.add(ROWS)
        index.search(ROWS[:1], 2)
    bodies = [(path.rpartition("/")[2], body) for _, path, body in server.requests if body]
    assert [body["quantization_config"] for _, body in bodies if "quantization_config" in body] == [created]
    (asked,) = (body["searches"] for path, body in bodies if path == "batch")
    assert asked[0]["params"]["quantization"] == {"rescore": True, "oversampling": 3.0}


def test_a_named_collection_of_a_server_is_not_overwritten(server) -> None:
    with QdrantIndex(dim=4, url=server.url, collection="street") as index:
        index.add(ROWS)
    assert server.collections() == ["street"]
    with pytest.raises(ValueError, match="collection: 'street' is there already, with 4 points; name another"):
        QdrantIndex(dim=4, url=server.url, collection="street")
    with QdrantIndex(dim=4, url=server.url, collection="street", replace=True) as index:
        index.add(ROWS[:2])
        assert index.search(ROWS[:1], 2).index.tolist() == [[0, 1]]


def test_an_index_that_somebody_else_changes_says_so(server) -> None:
    with QdrantIndex(dim=4, url=server.url, collection="street") as index:
        index.add(ROWS)
        QdrantIndex(dim=4, url=server.url, collection="street", replace=True).close()
        with pytest.raises(ValueError, match="points asked of 'street' are gone; somebody else changed it"):
            index.save(Path("unused"))


def test_the_key_comes_from_the_environment_and_is_never_shown(server, monkeypatch, caplog) -> None:
    server.key = "s3cret"
    with pytest.raises(PermissionError, match=r"refuses access \(401 .*api_key_variable names .* now none"):
        QdrantIndex(dim=4, url=server.url)
    with pytest.raises(ValueError, match="the environment variable MY_KEY is not set"):
        QdrantIndex(dim=4, url=server.url, api_key_variable="MY_KEY")
    monkeypatch.setenv("MY_KEY", "wrong")
    with pytest.raises(PermissionError) as caught:
        QdrantIndex(dim=4, url=server.url, api_key_variable="MY_KEY")
    monkeypatch.setenv("MY_KEY", "s3cret\n")
    with QdrantIndex(dim=4, url=server.url, api_key_variable="MY_KEY") as index:
        index.add(ROWS)
        assert "s3cret" not in repr(vars(index)) + caplog.text
    assert "wrong" not in str(caught.value)


@pytest.mark.fault
def test_a_server_that_fails_in_the_middle_leaves_nothing_half(server) -> None:
    index = QdrantIndex(dim=4, url=server.url, batch=2)
    index.add(ROWS)
    broken: list[Any] = []
    original = server.answer

    def second_upsert_fails(method: str, path: str, body: Any, key: Any) -> Any:
        if method == "PUT" and path.endswith("/points"):
            broken.append(path)
            if len(broken) == 2:
                return 500, {"status": {"error": "disk is full"}}
        return original(method, path, body, key)

    server.answer = second_upsert_fails
    with pytest.raises(ConnectionError, match=r"answers 500 Internal Server Error .*disk is full"):
        index.add(ROWS)
    server.answer = original
    assert len(index) == 4
    assert index.search(ROWS[:1], 4).index.tolist() == [[0, 1, 2, 3]]  # no point of the refused part is found
    index.add(ROWS[:1])
    assert index.search(ROWS[:1], 2).index.tolist() == [[0, 4]]
    index.close()


@pytest.mark.fault
@pytest.mark.parametrize("place", ["memory", "folder"])
def test_an_embedded_database_that_fails_in_the_middle_leaves_nothing_half(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = QdrantIndex(dim=4, path=tmp_path / "db" if place == "folder" else None, batch=2)
    index.add(ROWS)
    original, calls = EdgeStore._upsert, []

    def second_upsert_fails(self: EdgeStore, *args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise OSError("disk is full")
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(EdgeStore, "_upsert", second_upsert_fails)
        with pytest.raises(OSError, match="disk is full"):
            index.add(ROWS)
    assert len(index) == 4
    assert index.search(ROWS[:1], 4).index.tolist() == [[0, 1, 2, 3]]
    index.add(ROWS[:1])
    assert index.search(ROWS[:1], 2).index.tolist() == [[0, 4]]
    index.close()


def test_nobody_there() -> None:
    with pytest.raises(
        ConnectionError, match=r"url: http://127\.0\.0\.1:9 does not answer .* port right \(REST 6333\)"
    ):
        QdrantIndex(dim=4, url="http://127.0.0.1:9", timeout=2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"path": "a", "url": "http://b"}, "path and url are two places"),
        ({"api_key_variable": "KEY"}, "api_key_variable is for a server"),
        ({"replace": True}, "replace needs the name"),
        ({"quantization": "int8"}, "int8 codes are approximate; set exact: false"),
        ({"exact": False, "links": 1}, "one neighbour leads nowhere"),
        ({"exact": False, "quantization": "int4"}, "quantization"),
        ({"exact": False, "oversampling": 0.5}, "oversampling"),
        ({"url": "localhost:6333"}, "url"),
        ({"url": "http://user:secret@host"}, "url"),
        ({"url": "http://h", "api_key_variable": "not a name"}, "api_key_variable"),
        ({"collection": "../up"}, "collection"),
        ({"collection": "x" * 201}, "collection"),
        ({"api_key": "s3cret"}, "api_key"),
    ],
)
def test_config_refuses(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        QdrantConfig(**given)


def test_a_run_file_says_where() -> None:
    registry = build_registry(strict=True)
    run = """
dataset: {type: city}
backbone: {type: tiny}
pooling: {type: gem}
index: {type: qdrant, metric: ip, path: maps, batch: 9}
"""
    config = parse_run(run, registry).index
    assert isinstance(config, QdrantConfig)
    assert (config.path, config.metric, config.batch) == (Path("maps"), "ip", 9)
    index = registry.build("index", QdrantConfig(metric="ip", batch=3), 4)
    assert (index.metric, index.dim, index._batch) == ("ip", 4, 3)


def test_listing_it_does_not_import_the_client() -> None:
    script = (
        "import sys; from vpr_core import build_registry; build_registry(strict=True).get('index', 'qdrant'); "
        "import vpr_qdrant; assert not {'qdrant_client', 'qdrant_edge', 'numpy', 'grpc'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
