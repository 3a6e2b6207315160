"""What a training's seconds mean when it did not run in one go."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vpr_core.config.sections import EvalConfig
from vpr_data import EvaluationProtocol, ImageSet, PlaceSplit
from vpr_eval import Neighbours
from vpr_runner.bench import cell
from vpr_runner.evaluation.evaluate import score_predictions


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


def test_query_sets_of_one_database_have_a_row_each(tmp_path: Path) -> None:
    """Their protocols are those that they have alone, and no query is counted twice."""
    names = [f"{i}.jpg" for i in range(4)]
    xy = np.array([[40.0 * i, 0] for i in range(4)])
    images = {side: ImageSet(root=tmp_path / side, names=names, xy=xy) for side in ("database", "queries")}
    split = PlaceSplit(
        name="test",
        protocol=EvaluationProtocol(name="line", radius=5),
        subsets={"day": np.array([0, 1]), "night": np.array([2, 3])},
        **images,
    )
    index = np.array([[0, 1], [0, 1], [3, 2], [0, 1]])
    report = score_predictions(
        split,
        Neighbours(np.zeros((4, 2), dtype=np.float32), index),
        EvalConfig(recall_at=[1, 2], bootstrap=0),
        seed=0,
        source="here",
    )
    rows = dict(cell._outcomes("line", report, split, "data"))
    assert list(rows) == ["line", "line day", "line night"]
    assert [row["first_hits"] for row in rows.values()] == [[1, 2, 2, 0], [1, 2], [2, 0]]
    assert [row["recall"]["2"] for row in rows.values()] == [0.75, 1.0, 0.5]
    assert [row["protocol"] for row in rows.values()] == ["line@5m", "line-day@5m", "line-night@5m"]
    assert {row["fingerprint"] for row in rows.values()} == {"data"}
