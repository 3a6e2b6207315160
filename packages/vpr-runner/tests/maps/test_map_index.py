"""Searching a map: where it lies, and with an index that is kept beside it and believed for good reasons only."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_core import UsageError, build_registry
from vpr_core.config import make_run
from vpr_eval import ApproximateIndex, read_index_header, search_exact
from vpr_runner.extraction.descriptors import load_descriptors
from vpr_runner.extraction.manifest import ChunkRecord, Manifest, chunk_path
from vpr_runner.files import atomic
from vpr_runner.maps import index as map_index
from vpr_runner.maps.index import nearest

REGISTRY = build_registry()
RNG = np.random.default_rng(6)
CHUNK, DIM = 64, 32


def unit(rows: Any) -> Any:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


ROWS = unit(np.repeat(RNG.standard_normal((80, DIM)), 4, axis=0) + 0.4 * RNG.standard_normal((320, DIM)))
BAD = [5, 64, 200]
GOOD = np.delete(np.arange(320), BAD)
QUERIES = unit(ROWS[[0, 70, 300]] + 0.05 * RNG.standard_normal((3, DIM)))


def write_chunk(folder: Path, number: int, rows: Any, failures: list[str]) -> None:
    np.save(chunk_path(folder, number), rows)
    digest = atomic.sha256_of(chunk_path(folder, number))
    failed = dict.fromkeys(failures, "is empty")
    ChunkRecord(sha256=digest, images="", rows=len(rows), fingerprint="f", failures=failed).write(folder, number)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VPR_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "map"
    folder.mkdir()
    names = tuple(f"{number}.jpg" for number in range(320))
    Manifest(
        fingerprint="f",
        dim=DIM,
        size=None,
        precision="float32",
        chunk=CHUNK,
        dtype="float32",
        names=names,
        bytes=(1,) * 320,
    ).write(folder)
    rows = ROWS.copy()
    rows[BAD] = np.nan
    for number in range(5):
        listed = range(number * CHUNK, (number + 1) * CHUNK)
        write_chunk(folder, number, rows[listed], [names[row] for row in listed if row in BAD])
    return folder


def ask(folder: Path, kind: str = "flat", count: int = 5, **parameters: Any) -> tuple[Any, Any]:
    run = make_run(
        {
            "dataset": {"type": "folder", "root": "x"},
            "backbone": {"type": "tiny"},
            "pooling": {"type": "gem"},
            "index": {"type": kind, **parameters},
        },
        REGISTRY,
    )
    found, kept = nearest(load_descriptors(folder), QUERIES, count, folder=folder, index=run.index, registry=REGISTRY)
    assert kept.tolist() == GOOD.tolist()
    return kept[found.index], found.distance


def beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("index-*"))


TRUE = search_exact(QUERIES, ROWS[GOOD], 5)
KINDS = [
    ("hnsw", {}),
    ("ivf_pq", {"parts": 8, "lists": 4}),
    ("binary", {}),
    ("ivf_rabitq", {}),
    ("ivf_sq", {"lists": 4}),
]


def test_an_exact_search_copies_nothing_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(self: Any, where: Any) -> Any:
        raise AssertionError("the map was copied")

    monkeypatch.setattr("vpr_runner.extraction.descriptors.Descriptors.__getitem__", whole)
    rows, distance = ask(folder)
    np.testing.assert_array_equal(rows, GOOD[TRUE.index])
    np.testing.assert_array_equal(distance, TRUE.distance)
    assert beside(folder) == []


@pytest.mark.parametrize(("kind", "parameters"), KINDS)
def test_an_approximate_index_is_built_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str, parameters: dict[str, Any]
) -> None:
    built: list[str] = []
    real = ApproximateIndex.build

    def counting(self: ApproximateIndex, rows: Any, **more: Any) -> None:
        built.append(self.kind)
        real(self, rows, **more)

    monkeypatch.setattr(ApproximateIndex, "build", counting)
    first = ask(folder, kind, **parameters)
    again = ask(folder, kind, **parameters)
    assert built == [kind]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    # With the first hundred compared exactly, the five nearest of 317 are the true ones, at their true distances.
    assert (first[0] == GOOD[TRUE.index]).mean() > 0.9
    np.testing.assert_array_equal(first[1][first[0] == GOOD[TRUE.index]], TRUE.distance[first[0] == GOOD[TRUE.index]])
    (name,) = beside(folder)
    assert read_index_header(folder / name).check is not None


def test_a_change_of_map_or_parameters_builds_it_anew(folder: Path) -> None:
    ask(folder, "hnsw")
    (first,) = beside(folder)
    ask(folder, "hnsw", links=8)
    (second,) = beside(folder)
    assert second != first  # and the one before is gone
    moved = ROWS[:CHUNK][::-1].copy()
    write_chunk(folder, 0, moved, ["5.jpg"])
    damaged = np.load(chunk_path(folder, 0))
    damaged[5] = np.nan
    write_chunk(folder, 0, damaged, ["5.jpg"])
    rows, _ = ask(folder, "hnsw", links=8)
    (third,) = beside(folder)
    assert third != second
    assert rows[0, 0] == 63


@pytest.mark.parametrize("damage", ["another's", "flipped", "torn", "no index"])
def test_a_file_that_is_not_ours_or_not_whole_is_not_believed(
    folder: Path, damage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = ask(folder, "ivf_pq", parts=8, lists=4)
    (name,) = beside(folder)
    path = folder / name
    content = path.read_bytes()
    if damage == "another's":
        monkeypatch.setenv("VPR_CACHE", str(tmp_path / "another user's"))
    elif damage == "flipped":
        path.write_bytes(content[:-900] + bytes([content[-900] ^ 1]) + content[-899:])
    elif damage == "torn":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(b"IxF2" + bytes(100))
    parsed: list[Path] = []
    real = map_index.load_index
    monkeypatch.setattr(map_index, "load_index", lambda path, **more: parsed.append(path) or real(path, **more))
    with caplog.at_level(logging.INFO, logger="vpr_runner"):
        again = ask(folder, "ivf_pq", parts=8, lists=4)
    for one, other in zip(expected, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert "building the index ivf_pq" in caplog.text
    if damage == "another's":
        assert "was not built here and is not read" in caplog.text
        assert parsed == []
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="vpr_runner"):
        ask(folder, "ivf_pq", parts=8, lists=4)
    assert "building" not in caplog.text


def test_rows_that_have_changed_under_a_kept_index_are_named(folder: Path) -> None:
    ask(folder, "binary")
    changed = np.load(chunk_path(folder, 1))
    changed[:] = changed[::-1].copy()
    np.save(chunk_path(folder, 1), changed)  # the record still has the old digest
    with pytest.raises(UsageError, match=r"000001\.npy is damaged"):
        ask(folder, "binary")
    with pytest.raises(UsageError, match=r"000001\.npy is damaged"):
        ask(folder)


def test_a_folder_that_cannot_be_written_is_searched_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read_only(self: Any, path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(ApproximateIndex, "save", read_only)
    with caplog.at_level(logging.INFO, logger="vpr_runner"):
        rows, _ = ask(folder, "hnsw")
    np.testing.assert_array_equal(rows, GOOD[TRUE.index])
    assert "the index is not kept" in caplog.text
    assert beside(folder) == []


def test_an_index_of_a_plugin_needs_add_and_search_alone(folder: Path) -> None:
    class Plain:
        def __init__(self) -> None:
            self.rows: list[Any] = []

        def add(self, rows: Any) -> None:
            self.rows.append(rows.copy())

        def search(self, queries: Any, k: int) -> Any:
            return search_exact(queries, np.concatenate(self.rows), k)

    class Registry:
        def build(self, kind: str, config: Any, dim: int) -> Any:
            assert (kind, dim) == ("index", DIM)
            return Plain()

    found, kept = nearest(load_descriptors(folder), QUERIES, 5, folder=folder, index=None, registry=Registry())  # type: ignore[arg-type]
    np.testing.assert_array_equal(kept[found.index], GOOD[TRUE.index])


def test_fewer_images_than_asked_for(folder: Path) -> None:
    rows, _ = ask(folder, count=1000)
    assert rows.shape == (3, 317)
