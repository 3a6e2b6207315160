"""Files are old or new, never in between; a folder has one owner."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vpr_core import UsageError
from vpr_runner.files import atomic
from vpr_runner.files.lock import folder_lock


def write_half(target: Path) -> None:
    with atomic.atomic_file(target) as file:
        file.write(b"half")
        raise ValueError("boom")


def test_a_failing_write_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    atomic.write_json(target, {"a": 1})
    with pytest.raises(ValueError, match="boom"):
        write_half(target)
    assert json.loads(target.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    target = tmp_path / "x.txt"
    atomic.write_text(target, "old")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        atomic.write_text(target, "new")
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_the_longest_name_and_odd_characters(tmp_path: Path) -> None:
    target = tmp_path / "ein Ordner" / ("ü" * 120 + ".json")
    atomic.write_json(target, [1])
    assert json.loads(target.read_text()) == [1]


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        atomic.write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    target = tmp_path / "x"
    before = os.umask(0o027)
    try:
        atomic.write_text(target, "x")
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == 0o640


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".partial-0123").write_text("half")
    (tmp_path / "x").write_text("whole")
    atomic.remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


HOLD = """
import sys, time
from pathlib import Path
from vpr_runner.files.lock import folder_lock
with folder_lock(Path(sys.argv[1]), purpose="vpr extract"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_with_owner_and_age_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        message = rf"in use: process {owner.pid} on .* \(vpr extract\) holds it for \d+ s; wait for it"
        with pytest.raises(UsageError, match=message), folder_lock(tmp_path, purpose="vpr extract"):
            pass
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        with folder_lock(tmp_path, purpose="vpr extract"):
            pass


@pytest.mark.fault
@pytest.mark.parametrize("name", [".lock", ".lock-1"])
def test_a_lock_that_is_a_link_empties_nothing(tmp_path: Path, name: str) -> None:
    treasure = tmp_path / "treasure.txt"
    treasure.write_text("mine")
    folder = tmp_path / "received"
    folder.mkdir()
    for target in (treasure, tmp_path / "nowhere"):
        (folder / name).symlink_to(target)
        with (
            pytest.raises(UsageError, match=r"is a link to .*a lock is a file of its own: remove it"),
            folder_lock(folder, purpose="test", name=name),
        ):
            pytest.fail("held")
        (folder / name).unlink()
    assert treasure.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.fault
def test_leftovers_of_others_are_left_while_they_are_young(tmp_path: Path) -> None:
    young, old = tmp_path / ".partial-young", tmp_path / ".partial-old"
    for file in (young, old):
        file.write_bytes(b"half")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    atomic.remove_leftovers(tmp_path, older_than=3600)
    assert young.exists()
    assert not old.exists()
    atomic.remove_leftovers(tmp_path)
    assert not young.exists()
