"""The newest whole checkpoint is found, whatever happened to newer ones."""

from __future__ import annotations

import errno
import logging
from pathlib import Path

import pytest
import torch

from vpr_runner.files import atomic
from vpr_runner.training.checkpoint import Checkpoints


def saved(folder: Path, values: list[int], *, keep: int = 3) -> Checkpoints:
    checkpoints = Checkpoints(folder, keep=keep)
    for value in values:
        checkpoints.save({"value": value, "tensor": torch.full((3,), float(value))})
    return checkpoints


def test_the_last_few_are_kept_and_the_newest_is_read(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, [1, 2, 3, 4], keep=2)
    assert sorted(path.name for path in tmp_path.glob("*.pt")) == ["checkpoint-00000003.pt", "checkpoint-00000004.pt"]
    assert len(list(tmp_path.glob("*.sha256"))) == 2
    state = checkpoints.newest()
    assert state is not None
    assert state["value"] == 4
    assert torch.equal(state["tensor"], torch.full((3,), 4.0))


def test_nothing_there(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none", keep=2).newest() is None


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))


def damage_digest(path: Path) -> None:
    path.with_suffix(".sha256").unlink()


@pytest.mark.parametrize("damage", [damage_truncate, damage_empty, damage_bit, damage_digest])
def test_a_broken_newest_falls_back_with_a_warning(tmp_path, caplog, damage) -> None:
    checkpoints = saved(tmp_path, [1, 2])
    damage(tmp_path / "checkpoint-00000002.pt")
    with caplog.at_level(logging.WARNING):
        state = checkpoints.newest()
    assert state is not None
    assert state["value"] == 1
    assert "checkpoint-00000002.pt is not whole" in caplog.text
    checkpoints.save({"value": 5})
    assert checkpoints.newest() == {"format": 1, "value": 5}


def test_all_broken_is_like_none(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, [1, 2])
    for path in tmp_path.glob("*.pt"):
        damage_truncate(path)
    assert checkpoints.newest() is None


def test_one_that_may_not_be_read_is_not_a_broken_one(tmp_path: Path, monkeypatch) -> None:
    """Another user's, say: setting it aside would throw a whole run away."""
    checkpoints = saved(tmp_path, [1, 2])

    def refused(self: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(PermissionError):
        checkpoints.newest()
    monkeypatch.undo()
    assert checkpoints.newest()["value"] == 2


def test_a_pickled_program_is_not_run(tmp_path: Path) -> None:
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "owned",))

    saved(tmp_path, [1])
    content = pickle.dumps(Evil(), protocol=2)
    (tmp_path / "checkpoint-00000002.pt").write_bytes(content)
    (tmp_path / "checkpoint-00000002.sha256").write_text(hashlib.sha256(content).hexdigest())
    state = Checkpoints(tmp_path, keep=2).newest()
    assert state is not None
    assert state["value"] == 1
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("failing_call", range(1, 3))
def test_a_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch, failing_call: int) -> None:
    checkpoints = saved(tmp_path, [1], keep=1)
    calls = 0
    write = atomic.write_bytes

    def fails(path: Path, content: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == failing_call:
            raise OSError(errno.ENOSPC, "no space left on device")
        write(path, content)

    monkeypatch.setattr(atomic, "write_bytes", fails)
    with pytest.raises(OSError, match="no space"):
        checkpoints.save({"value": 2})
    state = Checkpoints(tmp_path, keep=1).newest()
    assert state is not None
    assert state["value"] == 1


def test_keep_at_least_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep is 0"):
        Checkpoints(tmp_path, keep=0)
