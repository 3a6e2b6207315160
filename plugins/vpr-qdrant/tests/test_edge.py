"""The engine in this process: what a killed process leaves, what is never deleted, and what codes and graph find."""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_qdrant import QdrantIndex, folder
from vpr_qdrant.edge import EdgeStore
from vpr_qdrant.engine import search_params
from vpr_qdrant.place import Approximation

MARK = "vpr-qdrant.json"
ROWS = np.random.default_rng(0).normal(size=(900, 48)).astype(np.float32)
POSITIONS = np.random.default_rng(1).uniform(-60, 60, size=(900, 2))
CHILD = """
import sys, time
import numpy as np
from pathlib import Path
from vpr_qdrant import QdrantIndex
rows = np.random.default_rng(0).normal(size=(900, 48)).astype(np.float32)
positions = np.random.default_rng(1).uniform(-60, 60, size=(900, 2))
name = sys.argv[2] if len(sys.argv) > 2 else None
index = QdrantIndex(dim=48, path=Path(sys.argv[1]) if sys.argv[1] else None, collection=name, batch=20)
for start in range(0, 900, 60):
    index.add(rows[start : start + 60], positions=positions[start : start + 60])
    print(start + 60, flush=True)
    time.sleep(0.01)
time.sleep(60)
"""


def killed_while_building(*given: str, after: int, **environment: str) -> None:
    """Let a process fill a collection and kill it when it has said that ``after`` rows are in."""
    command = [sys.executable, "-c", CHILD, *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= after:
                child.kill()
        assert child.wait() == -signal.SIGKILL


def contents(path: Path) -> dict[str, tuple[int, int]]:
    files = (file for file in path.rglob("*") if file.is_file() and file.name != ".lock")
    return {str(file.relative_to(path)): (file.stat().st_size, file.stat().st_mtime_ns) for file in files}


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """Return a folder of databases whose collection ``street`` holds 12 rows, and was never finished."""
    index = QdrantIndex(dim=4, path=tmp_path, collection="street")
    index.add(np.eye(4, dtype=np.float32))
    index.add(np.ones((8, 4), dtype=np.float32))
    with pytest.raises(ValueError, match="dimension 3"), index:  # a program fails on the way
        index.add(np.ones((8, 3), dtype=np.float32))
    return tmp_path


@pytest.mark.fault
@pytest.mark.parametrize("after", [60, 540, 900])
def test_a_killed_build_is_taken_up(tmp_path: Path, after: int, caplog: pytest.LogCaptureFixture) -> None:
    killed_while_building(str(tmp_path), "street", after=after)
    caplog.set_level(logging.INFO)
    with QdrantIndex(dim=48, path=tmp_path, collection="street", batch=7) as index, QdrantIndex(dim=48) as fresh:
        found = int(caplog.messages[-1].partition(" points")[0].rpartition(" ")[2])
        assert after <= found <= 900
        for one in (index, fresh):
            one.add(ROWS[:100], positions=POSITIONS[:100])
            one.add(ROWS[100:], positions=POSITIONS[100:])
        assert len(index) == 900
        for area in ({}, {"near": POSITIONS[3], "radius": 2e6}):
            a, b = index.search(ROWS[:40] + 0.1, 12, **area), fresh.search(ROWS[:40] + 0.1, 12, **area)
            assert (a.index.tolist(), a.distance.tolist()) == (b.index.tolist(), b.distance.tolist())
    with pytest.raises(ValueError, match=r"street is there already; name another"):
        QdrantIndex(dim=48, path=tmp_path, collection="street")


def test_what_a_program_never_closed_is_searched_again_without_being_written_again(tmp_path: Path, monkeypatch) -> None:
    rows = np.eye(4, dtype=np.float32)
    index = QdrantIndex(dim=4, path=tmp_path, collection="street")
    index.add(rows)
    index.search(rows, 1)
    del index
    gc.collect()
    written: list[Any] = []
    upsert = EdgeStore._upsert
    monkeypatch.setattr(EdgeStore, "_upsert", lambda *given: written.append(given[2]) or upsert(*given))
    with QdrantIndex(dim=4, path=tmp_path, collection="street") as again:
        again.add(rows)
        assert sum(len(part) for part in written) == 0
        again.add(-rows)  # the map has grown
        assert sum(len(part) for part in written) == 4
        assert again.search(-rows, 1).index[:, 0].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("place", ["TMPDIR", "path"])
@pytest.mark.fault
def test_what_a_killed_index_without_a_name_left_is_removed_by_the_next(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vpr-0123456789abcdef").mkdir()  # of somebody else
    if place == "TMPDIR":
        killed_while_building("", after=60, TMPDIR=str(tmp_path))
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    else:
        killed_while_building(str(tmp_path), after=60)
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == 2
    with QdrantIndex(dim=4, path=None if place == "TMPDIR" else tmp_path) as index:
        index.add(np.eye(4, dtype=np.float32))
        now = {path.name for path in tmp_path.iterdir()}
        assert len(now) == 2
        assert now & left == {"vpr-0123456789abcdef"}
        folder.sweep(tmp_path)  # one in use is left alone
        assert index.search(np.eye(4, dtype=np.float32), 1).index[:, 0].tolist() == [0, 1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["vpr-0123456789abcdef"]


def test_an_unfinished_collection_of_something_else_is_refused(unfinished: Path) -> None:
    rows = np.concatenate([np.eye(4), np.ones((8, 4))]).astype(np.float32)
    with pytest.raises(ValueError, match=r"unfinished by an index of dimension 4 and metric l2, this one has 5 and l2"):
        QdrantIndex(dim=5, path=unfinished, collection="street")
    with pytest.raises(ValueError, match=r"dimension 4 and metric l2, this one has 4 and ip"):
        QdrantIndex(dim=4, metric="ip", path=unfinished, collection="street")
    for given, positions, said in [
        (rows[::-1], None, r"other descriptors or positions \(row 0 differs\)"),
        (np.where(np.arange(12)[:, None] == 11, rows + 1e-6, rows), None, r"\(row 11 differs\)"),
        (rows, [[1, 2]] * 12, r"\(row 0 differs\)"),
    ]:
        index = QdrantIndex(dim=4, path=unfinished, collection="street", batch=5)
        with pytest.raises(ValueError, match=said), index:
            index.add(np.ascontiguousarray(given, dtype=np.float32), positions=positions)
        assert len(index) == 0
    index = QdrantIndex(dim=4, path=unfinished, collection="street")
    index.add(rows[:5])
    with pytest.raises(ValueError, match=r"with 12 points, of which 5 were added again; add all"), index:
        index.search(rows[:1], 2)
    with QdrantIndex(dim=4, path=unfinished, collection="street", batch=5) as index:
        index.add(rows)
        assert index.search(rows[:1], 1).index.tolist() == [[0]]


@pytest.mark.fault
def test_a_damaged_folder_says_what_to_do(unfinished: Path) -> None:
    for file in (unfinished / "street" / "shard" / "segments").rglob("segment.json"):
        file.write_text("{", encoding="utf-8")
    (unfinished / "street" / "shard" / "edge_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(OSError, match=r"the Qdrant engine fails in .*street: .*allow its deletion with replace=true"):
        QdrantIndex(dim=4, path=unfinished, collection="street")
    with QdrantIndex(dim=4, path=unfinished, collection="street", replace=True) as index:
        assert len(index) == 0


def test_a_folder_of_qdrant_clients_local_mode_is_neither_opened_nor_deleted(tmp_path: Path) -> None:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(path=str(tmp_path / "street"))
    client.create_collection("street", vectors_config=models.VectorParams(size=4, distance=models.Distance.DOT))
    client.close()
    before = contents(tmp_path)
    for replace in (False, True):
        with pytest.raises(ValueError, match=r"written by qdrant-client's local mode.* Name another collection"):
            QdrantIndex(dim=4, path=tmp_path, collection="street", replace=replace)
    assert contents(tmp_path) == before


def test_only_what_is_marked_as_ours_and_holds_nothing_else_is_deleted(tmp_path: Path) -> None:
    with QdrantIndex(dim=4, path=tmp_path, collection="street") as index:
        index.add(np.eye(4, dtype=np.float32))
    mark = json.loads((tmp_path / "street" / MARK).read_text(encoding="utf-8"))
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"a photo")
    (tmp_path / "link").symlink_to(tmp_path / "street")

    def refused(name: str, said: str) -> None:
        before = contents(tmp_path)
        with pytest.raises(ValueError, match=said):
            QdrantIndex(dim=4, path=tmp_path, collection=name, replace=True)
        assert contents(tmp_path) == before

    for content in ["", "[]", "{}", json.dumps(mark), json.dumps(mark | {"collection": "photos", "kind": "another"})]:
        (photos / MARK).write_text(content, encoding="utf-8")  # the mark of another folder is none
        refused("photos", r"photos is no collection of vpr-qdrant")
    (photos / MARK).write_text(json.dumps(mark | {"collection": "photos"}), encoding="utf-8")
    refused("photos", r"photos also holds 'a.jpg', which this package did not put there")
    refused("link", r"link is no folder of its own")
    (tmp_path / "street" / "notes.txt").touch()
    refused("street", r"street also holds 'notes.txt'")
    (tmp_path / "street" / "notes.txt").unlink()
    shutil.move(tmp_path / "street" / "shard", tmp_path / "elsewhere")
    (tmp_path / "street" / "shard").symlink_to(tmp_path / "elsewhere")
    refused("street", r"shard is a link; it is not deleted")


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system opens links only by following them")
@pytest.mark.parametrize("name", [".lock", MARK])
def test_a_link_in_the_place_of_a_file_of_ours_is_not_followed(unfinished: Path, name: str) -> None:
    victim = unfinished / "victim"
    shutil.copy(unfinished / "street" / name, victim)
    (unfinished / "street" / name).unlink()
    (unfinished / "street" / name).symlink_to(victim)
    before = victim.read_bytes()
    with pytest.raises((OSError, ValueError)):
        QdrantIndex(dim=4, path=unfinished, collection="street", replace=True)
    assert victim.read_bytes() == before


@pytest.mark.fault
def test_a_disk_without_room_is_refused_before_the_engine_dies_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    index = QdrantIndex(dim=4)
    index.add(np.eye(4, dtype=np.float32))
    usage = shutil.disk_usage(tempfile.gettempdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100 * 2**20))
    with pytest.raises(OSError, match=r"has 100 MiB left, the collection wants 128 MiB to grow; make room"):
        index.add(np.eye(4, dtype=np.float32))
    with pytest.raises(OSError, match="make room"):
        QdrantIndex(dim=4)
    assert len(index) == 4
    assert index.search(np.eye(4, dtype=np.float32), 4).index.shape == (4, 4)
    index.close()
    with pytest.raises(ValueError, match="is closed; make another index"):
        index.search(np.eye(4, dtype=np.float32), 1)


def test_codes_are_compared_again() -> None:
    again = search_params(Approximation(quantization="int8", oversampling=3.0)).quantization
    assert again is not None
    assert (again.ignore, again.rescore, again.oversampling) == (False, True, 3.0)
    assert search_params(Approximation()).quantization is None
    assert search_params(None).exact


def places(dim: int, count: int) -> tuple[Any, Any]:
    """Return (rows, queries), unit, in clusters as places give them."""
    generator = np.random.default_rng(5)
    centers = generator.normal(size=(200, dim))
    rows = centers[generator.integers(200, size=count + 40)] + 0.6 * generator.normal(size=(count + 40, dim))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return rows[:count], rows[count:]


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        ({"quantization": "int8", "links": 0}, 0.99),
        ({"quantization": "binary", "links": 0, "oversampling": 16.0}, 0.99),
        ({"links": 8, "ef_construction": 32}, 0.9),
        ({"quantization": "int8", "links": 8, "ef_construction": 32}, 0.9),
    ],
    ids=["int8", "binary", "graph", "graph and int8"],
)
def test_an_approximate_index_finds_nearly_all_at_true_distances(
    settings: dict[str, Any], least: float, caplog: pytest.LogCaptureFixture
) -> None:
    rows, queries = places(512, 2600)  # 5 MB: above the size where the engine builds anything
    caplog.set_level(logging.INFO)
    with QdrantIndex(dim=512, metric="ip", exact=False, **settings) as index:
        index.add(rows)
        found = index.search(queries, 10)
        sampled = index.sampled_recall
    exact = 1.0 - queries.astype(np.float64) @ rows.astype(np.float64).T
    true = np.argsort(exact, axis=1, kind="stable")[:, :10]
    recall = np.mean([len(np.intersect1d(a, b)) for a, b in zip(found.index, true, strict=True)]) / 10
    assert recall >= least
    np.testing.assert_allclose(found.distance, np.take_along_axis(exact, found.index, axis=1), atol=1e-6)
    assert (np.diff(found.distance, axis=1) >= 0).all()
    assert sampled is not None
    assert sampled >= least
    assert f"finds {sampled:.1%} of the 10 nearest, tried on 50 of its own descriptors" in caplog.text


def test_signs_of_descriptors_that_are_not_centred_say_nothing_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = np.abs(places(512, 2600)[0])
    with QdrantIndex(dim=512, exact=False, quantization="binary", links=0, oversampling=1.0) as index:
        index.add(rows)
        index.search(rows[:1], 1)
        assert index.sampled_recall is not None
        assert index.sampled_recall < 0.5
    assert "raise index.ef_search or index.oversampling, or set index.exact=true" in caplog.text
    assert caplog.text.count("none of these descriptors has a negative one") == 1


@pytest.mark.parametrize(("quantization", "lowest"), [("binary", -0.01), ("int8", 0.0), (None, 0.0)])
def test_codes_that_have_something_to_say_are_not_warned_of(
    quantization: Any, lowest: float, caplog: pytest.LogCaptureFixture
) -> None:
    rows = np.abs(np.random.default_rng(0).standard_normal((20, 8))).astype(np.float32)
    rows[3, 2] = lowest
    with QdrantIndex(dim=8, exact=False, quantization=quantization) as index:
        index.add(rows)
    assert "negative" not in caplog.text
