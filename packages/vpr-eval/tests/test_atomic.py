"""Files that are the old ones or the new ones, and what a killed process leaves of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vpr_eval import FlatIndex, load_index
from vpr_eval.atomic import PREFIX, atomic_file

KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from vpr_eval import FlatIndex
index = FlatIndex(dim=4)
index.add(np.eye(4, dtype=np.float32))
if sys.argv[2] == "kill":
    os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
index.save(Path(sys.argv[1]))
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.fault
def test_what_a_killed_save_left_is_taken_up_by_the_next(tmp_path):
    path = tmp_path / "map.index"
    codes = [
        subprocess.run([sys.executable, "-c", KILLED, str(path), how], check=False).returncode
        for how in ("kill", "kill", "whole")
    ]
    assert codes == [-9, -9, 0]
    assert names(tmp_path) == ["map.index"]
    assert isinstance(load_index(path), FlatIndex)


@pytest.mark.fault
def test_leftovers_of_other_files_are_left_alone_and_a_second_writer_has_a_file_of_its_own(tmp_path):
    path = tmp_path / "x"
    (tmp_path / f"{PREFIX}of-somebody-else").write_bytes(b"?")
    with atomic_file(path) as first:
        first.write(b"first")
        with atomic_file(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
        first.write(b", whole")
    assert path.read_bytes() == b"first, whole"
    assert names(tmp_path) == [f"{PREFIX}of-somebody-else", "x"]


@pytest.mark.fault
def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path):
    with atomic_file(tmp_path / "x") as file:
        (temporary,) = tmp_path.iterdir()
        file.write(b"1")
    (tmp_path / "diary").write_bytes(b"precious")
    temporary.symlink_to(tmp_path / "diary")
    with atomic_file(tmp_path / "x") as file:
        file.write(b"2")
    assert (tmp_path / "x").read_bytes() == b"2"
    assert (tmp_path / "diary").read_bytes() == b"precious"


def test_a_file_is_flushed_then_renamed_then_its_folder_is_flushed(tmp_path, monkeypatch):
    """No test that kills a process sees a missing flush, as the system keeps what was written: calls are recorded."""
    events = []
    flush, rename = os.fsync, Path.replace

    def flushed(handle):
        events.append(("flush", os.fstat(handle).st_ino))
        flush(handle)

    def renamed(self, target):
        events.append(("rename", self.stat().st_ino))
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    with atomic_file(tmp_path / "x") as file:
        file.write(b"x")
    own, folder = (tmp_path / "x").stat().st_ino, tmp_path.stat().st_ino
    assert events == [("flush", own), ("rename", own), ("flush", folder)]


def test_what_was_written_can_be_read_meanwhile(tmp_path):
    """HDF5 goes back and forth in its file."""
    with atomic_file(tmp_path / "x") as file:
        file.write(b"abc")
        file.seek(1)
        assert file.read() == b"bc"
