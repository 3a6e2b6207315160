"""The city's cache on disk when rendering is killed, and what rendering says meanwhile."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from vpr_data.city import CityDataset, CitySize

TINY = CitySize(name="tiny", height=24, width=32, stations=(3, 2, 3), queries=(4, 2, 8), directions=2, supersample=1)


@pytest.mark.fault
@pytest.mark.parametrize("workers", [1, 2])
def test_a_render_that_is_killed_goes_on_to_the_same_bytes(tmp_path, workers):
    size = CitySize(
        name="pair", height=24, width=32, stations=(4, 3, 4), queries=(6, 4, 6), directions=2, supersample=1
    )
    calm = CityDataset(size=size, root=tmp_path / "calm", seed=5, workers=workers, progress=False)
    script = (
        "import sys; from vpr_data.city import CityDataset, CitySize;"
        "CityDataset(size=CitySize.from_json(sys.argv[1]), root=sys.argv[2], seed=5, workers=int(sys.argv[3]),"
        " progress=False)"
    )
    command = [sys.executable, "-c", script, json.dumps(asdict(size)), str(tmp_path / "killed"), str(workers)]
    for images in (1, 5, 12):
        process = subprocess.Popen(command)
        while process.poll() is None and len(list(tmp_path.glob("killed/**/*.jpg"))) < images:
            time.sleep(0.001)
        process.kill()  # its rendering processes, if it has any, are left behind
        process.wait()
        assert not list(tmp_path.glob("killed/**/manifest.json"))
    assert subprocess.run(command, check=False, timeout=300).returncode == 0
    (killed,) = (tmp_path / "killed" / "city").iterdir()
    for path in calm.folder.rglob("*"):
        if path.is_file():
            assert (killed / path.relative_to(calm.folder)).read_bytes() == path.read_bytes()


def test_temporary_files_of_killed_processes_are_removed_when_they_are_old(tmp_path):
    again = CityDataset(size=TINY, root=tmp_path, seed=3, workers=1, progress=False)
    (again.folder / "manifest.json").unlink()
    old, young = again.folder / "test" / ".old.tmp", again.folder / "test" / ".young.tmp"
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    CityDataset(size=TINY, root=tmp_path, seed=3, workers=1, progress=False)
    assert young.exists()  # perhaps another process is writing it
    assert not old.exists()


def test_progress_off_a_terminal_is_lines_and_can_be_silenced(tmp_path, capsys, monkeypatch):
    CityDataset(size=TINY, root=tmp_path / "told", seed=3, workers=1)
    told = capsys.readouterr().err
    assert re.search(r"^city \w+: \d+/\d+ images", told, re.MULTILINE)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", told)
    CityDataset(size=TINY, root=tmp_path / "quiet", seed=3, workers=1, progress=False)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    CityDataset(size=TINY, root=tmp_path / "off", seed=3, workers=1)
    assert capsys.readouterr().err == ""


def test_every_file_is_flushed_before_it_has_its_name(tmp_path, monkeypatch):
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
    city = CityDataset(size=TINY, root=tmp_path, seed=4, workers=1, progress=False)
    names = [event for event in events if event[0] == "rename"]
    images = sum(1 for _ in city.folder.rglob("*.jpg"))
    assert len(names) > images > 0
    for place, (kind, file) in enumerate(events):
        if kind == "rename":
            assert ("flush", file) in events[:place]
