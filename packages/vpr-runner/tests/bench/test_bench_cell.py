"""What a training's seconds mean when it did not run in one go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vpr_runner.bench import cell


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(cell.time, "perf_counter", lambda: now[0])
    return now


def test_seconds_of_all_starts_add_up_and_reading_adds_nothing(clock, tmp_path: Path) -> None:
    file = tmp_path / "training.json"

    def interrupted():
        clock[0] += 5
        raise KeyboardInterrupt

    def done():
        clock[0] += 7
        return "network"

    with pytest.raises(KeyboardInterrupt):
        cell.timed(interrupted, file)
    assert cell.timed(done, file) == ("network", 12.0)
    assert cell.timed(done, file) == ("network", 12.0)


@pytest.mark.fault
def test_seconds_are_unknown_after_a_kill(clock, tmp_path: Path) -> None:
    file = tmp_path / "training.json"

    def killed():
        # What kill -9 leaves is the file as it is now.
        (tmp_path / "left.json").write_bytes(file.read_bytes())
        clock[0] += 5
        return "network"

    cell.timed(killed, file)
    (tmp_path / "left.json").replace(file)
    assert json.loads(file.read_text())["finished"] is False
    assert cell.timed(lambda: "network", file) == ("network", None)
    assert cell.timed(lambda: "network", file) == ("network", None)


@pytest.mark.fault
@pytest.mark.parametrize("damage", [b"", b"{", b"\0" * 40, b"[]", b'{"seconds": 1.0}'])
def test_seconds_are_unknown_when_their_file_is_damaged(clock, tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "training.json"
    file.write_bytes(damage)
    assert cell.timed(lambda: "network", file) == ("network", None)
    assert cell.timed(lambda: "network", file) == ("network", None)
