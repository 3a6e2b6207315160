"""What is saved is numbers, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpr_qdrant import QdrantIndex

POSITIONS = [[48.2, 16.37], [48.21, 16.38], [-33.9, 151.2], [0.0, 0.0], [90.0, -180.0]]


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Any]:
    """Return (file, rows) of five descriptors with positions."""
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    with QdrantIndex(dim=3, batch=2) as index:
        index.add(rows, positions=POSITIONS)
        index.save(tmp_path / "index")
    return tmp_path / "index", rows


def test_the_file_holds_bare_numbers_that_anyone_can_read(saved) -> None:
    path, rows = saved
    content = path.read_bytes()
    magic, header, rest = content.split(b"\n", 2)
    assert magic == b"vpr-qdrant 1"
    assert json.loads(header) == {"dim": 3, "metric": "l2", "count": 5, "positions": True}
    np.testing.assert_array_equal(np.frombuffer(rest[:60], dtype="<f4").reshape(5, 3), rows)
    assert np.frombuffer(rest[60:140], dtype="<f8").reshape(5, 2).tolist() == POSITIONS
    assert rest[140:] == b"\nsha256:" + hashlib.sha256(content[:-72]).hexdigest().encode()


def test_positions_come_back(saved) -> None:
    path, rows = saved
    with QdrantIndex(dim=3, batch=2) as index:
        index.load(path)
        assert index.search(rows, 2, near=[48.2, 16.37], radius=5000.0).index[0].tolist() == [0, 1]
        index.add(rows[:1], positions=[[48.2, 16.37]])
        assert len(index) == 6


def test_a_file_of_another_metric_or_with_rows_of_another_norm_is_refused(saved) -> None:
    path, _ = saved
    index = QdrantIndex(dim=3, metric="ip")
    with pytest.raises(ValueError, match=r"metric: this index has 'ip', the file .* has 'l2'"):
        index.load(path)
    content = path.read_bytes()[:-72].replace(b'"l2"', b'"ip"')
    path.write_bytes(content + b"\nsha256:" + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(ValueError, match=r"row 0 has norm .* must be 1 within 0\.001"):
        index.load(path)
    assert len(index) == 0


@pytest.mark.parametrize(
    "header",
    [
        b'{"dim": 3, "metric": "l2", "count": 4, "positions": true}',
        b'{"dim": 3, "metric": "l2", "count": -5, "positions": true}',
        b'{"dim": 3, "metric": "l2", "count": 5.0, "positions": true}',
        b'{"dim": true, "metric": "l2", "count": 5, "positions": true}',
        b'{"dim": 3, "metric": "l2", "count": 5}',
        b'{"dim": 3, "metric": "l2", "count": 5, "positions": true, "x": 1}',
        b"[]",
        b"[" * 3000,
    ],
)
def test_a_header_that_lies_is_refused(saved, header: bytes) -> None:
    path, _ = saved
    rest = path.read_bytes().split(b"\n", 2)[2][:-72]
    content = b"vpr-qdrant 1\n" + header + b"\n" + rest
    path.write_bytes(content + b"\nsha256:" + hashlib.sha256(content).hexdigest().encode())
    with QdrantIndex(dim=3) as index, pytest.raises(ValueError, match="rebuild the index"):
        index.load(path)


def test_any_flipped_bit_is_found(saved, tmp_path: Path) -> None:
    path, rows = saved
    content = path.read_bytes()
    damaged = tmp_path / "damaged"
    with QdrantIndex(dim=3) as index:
        index.add(rows)
        for position in range(0, len(content), 3):
            damaged.write_bytes(
                content[:position] + bytes([content[position] ^ (1 << position % 8)]) + content[position + 1 :]
            )
            with pytest.raises(ValueError, match=r"path: .* (damaged|index file)"):
                index.load(damaged)
        assert len(index) == 5


@pytest.mark.fault
def test_a_disk_that_fails_leaves_the_old_file(saved, monkeypatch: pytest.MonkeyPatch) -> None:
    path, rows = saved
    old = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with QdrantIndex(dim=3) as index:
        index.add(rows[:2])
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            index.save(path)
        monkeypatch.undo()
        with pytest.raises(FileNotFoundError, match="create it first"):
            index.save(path.parent / "gone" / "index")
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.fault
def test_what_a_killed_write_left_goes_with_the_next_and_one_at_work_is_left_alone(tmp_path):
    from vpr_qdrant import snapshot

    path, header = tmp_path / "map.vpr", snapshot.Header(dim=2, metric="l2", count=1, positions=False)
    held: list[Path] = []

    def rows():
        (mine,) = tmp_path.glob(".partial-*")
        held.append(mine)
        if len(held) == 1:
            mine.with_name(mine.name[:-4] + "dead").write_bytes(b"half")  # of the same file, and nobody's
            snapshot.write_snapshot(path, header, rows_of_another(), None)
        yield np.ones((1, 2), dtype=np.float32)

    def rows_of_another():
        assert held[0].exists()
        yield np.zeros((1, 2), dtype=np.float32)

    snapshot.write_snapshot(path, header, rows(), None)
    assert [file.name for file in tmp_path.iterdir()] == ["map.vpr"]
    with snapshot.read_snapshot(path) as whole:
        assert whole.header.count == 1
