"""Contents of many files: never taken for others of the same length, and not read twice without need."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vpr_runner.files import atomic, contents
from vpr_runner.files.contents import digest_of_contents


@dataclass
class Files:
    root: Path
    names: tuple[str, ...] = ("a b.bmp", "sub/c.bmp", "d\udce9.bmp")

    def path(self, position: int) -> Path:
        return self.root / self.names[position]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setenv("VPR_CACHE", str(tmp_path / "cache"))
    made = Files(tmp_path / "images")
    (made.root / "sub").mkdir(parents=True)
    for position in range(3):
        made.path(position).write_bytes(bytes([position]) * 100)
    return made


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    read: list[Path] = []
    whole = atomic.sha256_of

    def noted(path: Path) -> str:
        read.append(path)
        return whole(path)

    monkeypatch.setattr(atomic, "sha256_of", noted)
    return read


def swap(files: Files, one: int, other: int) -> None:
    """Two images of one length change places, and their times are set back."""
    paths = files.path(one), files.path(other)
    found = [(path.read_bytes(), path.stat()) for path in paths]
    for path, (content, _), (_, status) in zip(paths, found[::-1], found, strict=True):
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_images_of_one_length_that_change_places_are_other_images(files: Files) -> None:
    before = digest_of_contents(files)
    assert digest_of_contents(files) == before
    swap(files, 0, 1)
    assert digest_of_contents(files) != before
    swap(files, 0, 1)
    assert digest_of_contents(files) == before


def test_what_has_settled_is_read_once_and_again_when_somebody_wrote(
    files: Files, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_SETTLED", -(10**12))
    before = digest_of_contents(files)
    assert len(reads) == 3
    reads.clear()
    assert digest_of_contents(files) == before
    assert digest_of_contents(Files(files.root, files.names[1:])) != before
    assert not reads
    swap(files, 0, 1)
    assert digest_of_contents(files) != before
    assert sorted(reads) == sorted([files.path(0), files.path(1)])


def test_what_was_written_just_now_is_not_remembered(files: Files, reads: list[Path]) -> None:
    digest_of_contents(files)
    digest_of_contents(files)
    assert len(reads) == 6


def test_a_damaged_memory_costs_time_and_nothing_else(
    files: Files, reads: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_SETTLED", -(10**12))
    before = digest_of_contents(files)
    (memory,) = (tmp_path / "cache" / "contents").iterdir()
    whole = memory.read_bytes()
    for offset in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[offset] ^= 1
        memory.write_bytes(bytes(changed))
        reads.clear()
        assert digest_of_contents(files) == before
        assert len(reads) == 3


def test_a_missing_file_and_a_cache_folder_that_cannot_be_written(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "_SETTLED", -(10**12))
    (tmp_path / "cache").write_bytes(b"a file")
    before = digest_of_contents(files)
    files.path(1).unlink()
    gone: Any = digest_of_contents(files)
    assert gone != before
    files.path(1).mkdir()
    assert digest_of_contents(files) == gone
    assert digest_of_contents(Files(files.root, ())) == digest_of_contents(Files(tmp_path, ()))
