"""What TensorBoard shows of a training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vpr_core import build_registry
from vpr_core.loggers import LoggedRun
from vpr_loggers.events import EventLog

PART = {"kind": "part", "epoch": 1, "part": 1, "step": 40, "loss": 0.25, "lr": 0.001, "time": 1e9, "note": None}
VALIDATION = {"kind": "validation", "step": 40, "recall": {"1": 0.5, "5": 0.75}, "best": True, "time": 1e9}


def test_curves_stand_over_steps(tmp_path: Path, scalars: Callable[[Path], Any]) -> None:
    log = EventLog(tmp_path, after=-1)
    log.log(0, {**PART, "step": 20, "loss": 0.5})
    log.log(1, PART)
    log.log(2, VALIDATION)
    log.close()
    found = scalars(tmp_path)
    assert found["part/loss"] == [(20, 0.5), (40, 0.25)]
    assert found["validation/recall/5"] == [(40, 0.75)]
    assert found["validation/best"] == [(40, 1.0)]
    assert [value for _, value in found["key"]] == [0, 1, 2]
    assert set(found) == {
        "key",
        *(f"part/{name}" for name in ("epoch", "part", "loss", "lr")),
        *(f"validation/{name}" for name in ("recall/1", "recall/5", "best")),
    }


def test_a_curve_never_doubles_back(tmp_path: Path, scalars: Callable[[Path], Any]) -> None:
    """Killed after step 50, gone on after 30: other values from there on, and one file."""
    first = EventLog(tmp_path, after=-1)
    for key in range(6):
        first.log(key, {"kind": "part", "step": 10 * key, "loss": 1.0})
    second = EventLog(tmp_path, after=3)
    for key in range(4, 8):
        second.log(key, {"kind": "part", "step": 10 * key, "loss": 2.0})
    for log in (first, second):
        log.close()
    assert scalars(tmp_path)["part/loss"] == [(10 * key, 1.0 if key <= 3 else 2.0) for key in range(8)]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_record_that_a_kill_cut_off_is_dropped(tmp_path: Path, scalars: Callable[[Path], Any]) -> None:
    log = EventLog(tmp_path, after=-1)
    for key in range(3):
        log.log(key, {"step": key, "loss": 1.0})
    log.close()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for cut in (1, 7, 30):
        for other in tmp_path.iterdir():
            other.unlink()
        path.write_bytes(whole[:-cut])
        again = EventLog(tmp_path, after=1)
        again.log(2, {"step": 2, "loss": 3.0})
        again.close()
        assert scalars(tmp_path)["loss"] == [(0, 1.0), (1, 1.0), (2, 3.0)]


def test_killed_while_events_are_copied_none_is_there_twice(
    tmp_path: Path, scalars: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = EventLog(tmp_path, after=-1)
    for key in range(4):
        log.log(key, {"step": key, "loss": 1.0})
    log.close()

    def dies(self: Path, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dies)
        with pytest.raises(KeyboardInterrupt):
            EventLog(tmp_path, after=2)
    assert len(list(tmp_path.iterdir())) == 2
    EventLog(tmp_path, after=3).close()
    assert [step for step, _ in scalars(tmp_path)["loss"]] == [0, 1, 2, 3]


def test_the_run_file_says_where(tmp_path: Path) -> None:
    registry = build_registry(strict=True)
    config = registry.get("logger", "tensorboard").config(folder="curves")
    registry.build("logger", config, LoggedRun(folder=tmp_path, name="run")).close()
    assert [path.name for path in tmp_path.iterdir()] == ["curves"]
