"""A download that is killed leaves nothing that the next start does not take away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from vpr_backbones import download

URL = "https://example.org/net-0123abcd.pth"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path / "checkpoints"


def fetch(monkeypatch: pytest.MonkeyPatch, write) -> Path:
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda url, to, **settings: write(Path(to)))
    return download._fetch_url("net", URL)


def test_only_the_file_is_left(cache: Path, monkeypatch) -> None:
    path = fetch(monkeypatch, lambda to: to.write_bytes(b"whole"))
    assert path.read_bytes() == b"whole"
    assert list(cache.iterdir()) == [path]


def test_a_download_that_fails_leaves_nothing(cache: Path, monkeypatch) -> None:
    def half(to: Path) -> None:
        to.with_suffix(".partial").write_bytes(b"ha")
        raise OSError("connection lost")

    with pytest.raises(ConnectionError, match="connection lost"):
        fetch(monkeypatch, half)
    assert list(cache.iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
import torch
from vpr_backbones import download
torch.hub.get_dir = lambda: sys.argv[1]
def half(url, to, **settings):
    Path(to + ".a1b2.partial").write_bytes(b"half")
    os.kill(os.getpid(), 9)
torch.hub.download_url_to_file = half
download._fetch_url("net", "https://example.org/net-0123abcd.pth")
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_what_a_killed_start_leaves_goes_with_the_next(cache: Path, monkeypatch) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(cache.parent)], check=False)
    assert done.returncode == -9
    assert [path.name for path in cache.rglob("*.partial")] == ["net-0123abcd.pth.a1b2.partial"]
    path = fetch(monkeypatch, lambda to: to.write_bytes(b"whole"))
    assert list(cache.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be locked there")
def test_a_second_start_waits_and_does_not_fetch_again(cache: Path, monkeypatch) -> None:
    calls: list[Path] = []

    def slow(to: Path) -> None:
        calls.append(to)
        time.sleep(0.1)
        to.write_bytes(b"whole")

    found: list[Path] = []
    starts = [threading.Thread(target=lambda: found.append(fetch(monkeypatch, slow))) for _ in range(3)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(calls) == 1
    assert [path.read_bytes() for path in found] == [b"whole"] * 3
    assert list(cache.iterdir()) == found[:1]
