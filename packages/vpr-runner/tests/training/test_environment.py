"""What a run was trained with, start by start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vpr_runner.files.provenance import provenance
from vpr_runner.training import environment
from vpr_runner.training.environment import describe_start, describe_weights, starts_of


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Versions that a test may change."""
    now = provenance()
    monkeypatch.setattr(environment, "provenance", lambda: json.loads(json.dumps(now)))
    return now


def test_a_start_on_something_else_is_said_and_both_are_recorded(
    tmp_path: Path, installed: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    describe_start(tmp_path)
    describe_weights(tmp_path, {"weights": {"file": "x.pth"}})
    begun = (tmp_path / "environment.json").read_bytes()
    installed["date"] = "2099-01-01T00:00:00+00:00"
    describe_start(tmp_path)
    assert (tmp_path / "environment.json").read_bytes() == begun
    assert not caplog.records
    was = installed["versions"]["torch"]
    installed["versions"]["torch"] = "9.9.9"
    for _ in range(2):
        describe_start(tmp_path)
    assert caplog.text.count(f"versions.torch was {was}, is 9.9.9") == 1
    assert [start["versions"]["torch"] for start in starts_of(tmp_path)] == [was, "9.9.9"]
    recorded = json.loads((tmp_path / "environment.json").read_text())
    assert recorded["versions"]["torch"] == was
    assert recorded["weights"] == {"file": "x.pth"}


@pytest.mark.parametrize("damage", ["{", "[]", '{"later": 3}', '{"later": [1, {}]}'])
def test_a_damaged_record_says_nothing_and_is_begun_again(
    tmp_path: Path, installed: dict[str, Any], damage: str
) -> None:
    (tmp_path / "environment.json").write_text(damage)
    assert starts_of(tmp_path) == []
    describe_start(tmp_path)
    assert starts_of(tmp_path) == [installed]
