"""Chunks that are compared while something else goes on: as sure as before, and only once."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from vpr_core import UsageError
from vpr_runner.extraction.descriptors import Descriptors, load_descriptors
from vpr_runner.extraction.manifest import ChunkRecord, Manifest, chunk_path
from vpr_runner.files import atomic
from vpr_runner.maps.opened import Map
from vpr_runner.maps.places import Places


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifest = Manifest(
        fingerprint="f",
        dim=8,
        size=None,
        precision="float32",
        chunk=4,
        dtype="float32",
        names=tuple(f"{number}.jpg" for number in range(12)),
        bytes=(1,) * 12,
    )
    manifest.write(tmp_path)
    for number in range(3):
        np.save(chunk_path(tmp_path, number), np.full((4, 8), number, dtype=np.float32))
        digest = atomic.sha256_of(chunk_path(tmp_path, number))
        ChunkRecord(sha256=digest, images="", rows=4, fingerprint="f", failures={}).write(tmp_path, number)
    return tmp_path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Files that are hashed, and the thread that does it."""
    seen: list[tuple[str, str]] = []
    original = atomic.sha256_of

    def counted(path: Path) -> str:
        seen.append((path.name, threading.current_thread().name))
        return original(path)

    monkeypatch.setattr(atomic, "sha256_of", counted)
    return seen


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))


def test_what_was_begun_is_taken_over_once(folder: Path, hashed: list[tuple[str, str]]) -> None:
    descriptors = load_descriptors(folder)
    descriptors.verify_ahead()
    descriptors.verify_ahead()
    descriptors.verify()
    assert hashed == [(f"00000{number}.npy", "vpr-verify") for number in range(3)]
    descriptors.verify()  # asked again, it looks again
    assert [name for name, _ in hashed[3:]] == [f"00000{number}.npy" for number in range(3)]
    assert {thread for _, thread in hashed[3:]} == {"MainThread"}


@pytest.mark.parametrize("number", [0, 2])
def test_a_damaged_chunk_is_named_where_somebody_listens(folder: Path, number: int) -> None:
    damage(chunk_path(folder, number))
    descriptors = load_descriptors(folder)
    descriptors.verify_ahead()
    with pytest.raises(UsageError, match=rf"00000{number}\.npy is damaged \(its SHA-256 is not the recorded one\)"):
        descriptors.verify()


def test_a_thread_that_came_to_nothing_proves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = load_descriptors(folder)
    original, failing = atomic.sha256_of, [True]

    def once(path: Path) -> str:
        if failing.pop() if failing else False:
            raise OSError("the disk is gone")
        return original(path)

    monkeypatch.setattr(atomic, "sha256_of", once)
    descriptors.verify_ahead()
    damage(chunk_path(folder, 1))
    with pytest.raises(UsageError, match=r"000001\.npy is damaged"):
        descriptors.verify()


def test_what_is_stopped_is_not_believed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors, begun, go_on = load_descriptors(folder), threading.Event(), threading.Event()
    original, seen = atomic.sha256_of, []

    def waiting(path: Path) -> str:
        seen.append(path.name)
        begun.set()
        go_on.wait(10)
        return original(path)

    monkeypatch.setattr(atomic, "sha256_of", waiting)
    descriptors.verify_ahead()
    assert begun.wait(10)
    stopping = threading.Thread(target=descriptors.verify_no_more)
    stopping.start()
    go_on.set()
    stopping.join(10)
    assert seen[0] == "000000.npy"
    assert len(seen) <= 3
    seen.clear()
    descriptors.verify()
    assert seen == [f"00000{number}.npy" for number in range(3)]


@pytest.mark.parametrize("kept", [False, True])
def test_a_map_with_a_kept_index_is_not_read_whole(folder: Path, kept: bool, hashed: list[tuple[str, str]]) -> None:
    if kept:
        (folder / "index-binary-0123.vpr").touch()
    descriptors: Descriptors = load_descriptors(folder)
    opened = Map(
        folder=folder,
        descriptors=descriptors,
        places=Places(names=descriptors.names),
        root=None,
        network=None,
        seal=None,
    )
    opened.verify_ahead()
    if not kept:
        descriptors.verify()
    assert len(hashed) == 3 * (not kept)
