"""The short form of ``nox -s faults``: a few kills of each command, and the books that the long form keeps."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from bench.faults.commands import Command, commands
from bench.faults.kills import Undisturbed, killed_at_moments, killed_at_operations, spread
from bench.faults.outcome import differences, torn_files
from bench.faults.record import Fault, markdown, quoted, summary

from vpr_runner.bench.store import digest

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "bench" / "results" / "faults.json"


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Command, Undisturbed]]:
    root = tmp_path_factory.mktemp("faults")
    every = commands(root)
    calm = {"train": Undisturbed(every["train"], root / "train")}
    shutil.copytree(calm["train"].folder, root / "model")
    for name in ("extract", "bench"):
        calm[name] = Undisturbed(every[name], root / name)
    return {name: (every[name], calm[name]) for name in calm}


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("name", ["train", "extract", "bench"])
def test_killed_it_goes_on_to_the_same_bytes(victims, tmp_path: Path, name: str) -> None:
    command, calm = victims[name]
    faults = killed_at_moments(command, tmp_path / "moment", calm, kills=1, seed=1)
    faults += killed_at_operations(command, tmp_path / "operation", calm, kills=2, seed=1)
    assert len(faults) == 3
    assert [fault for fault in faults if fault.lost] == []


@pytest.mark.slow
@pytest.mark.fault
def test_a_loss_is_noticed(victims, tmp_path: Path) -> None:
    """Damage that no reader can notice, in a finished cell of a bench, must show in the books."""
    command, calm = victims["bench"]
    stopped = shutil.copytree(calm.folder, tmp_path / "bench")
    cell = next((stopped / "cells").glob("*.json"))
    content = json.loads(cell.read_text(encoding="utf-8"))
    content["cell"]["dim"] += 1
    content["sha256"] = digest(content["cell"])
    cell.write_text(json.dumps(content), encoding="utf-8")
    assert command.finish(stopped) == ""
    assert differences(command.outcome(stopped), calm.outcome).startswith("differs: cells")


def test_half_written_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "whole.json").write_text("{}", encoding="utf-8")
    (tmp_path / ".partial-1").write_bytes(b"anything")
    assert torn_files(tmp_path) == ""
    (tmp_path / "torn.json").write_text('{"a": ', encoding="utf-8")
    assert "torn.json is half-written" in torn_files(tmp_path)


def test_moments_cover_the_whole_run() -> None:
    moments = spread(25, random.Random(0))
    assert sorted(int(25 * moment) for moment in moments) == list(range(25))
    assert moments != sorted(moments)


def test_the_books_count_what_was_lost() -> None:
    faults = [Fault(command="train", kind="kill", where=str(n), lost="differs" if n == 2 else "") for n in range(4)]
    (row,) = summary(faults)
    assert (row["injected"], row["survived"], row["lost"]) == (4, 3, 1)
    assert row["broken"][0]["where"] == "2"
    result = {
        "rows": [row],
        "date": "2026-01-01",
        "code": {"commit": "a" * 40, "dirty": True},
        "hardware": {"processor": "a processor", "cores": 2, "threads": 1},
        "versions": {"python": "3", "torch": "2"},
        "seed": 0,
        "minutes": 1,
    }
    table = markdown(result)
    assert "| `vpr train` | kill | 4 | 3 | 1 |" in table
    assert "aaaaaaaaaa with changes" in table
    document = "before\n<!-- faults -->\nold\n<!-- /faults -->\nafter\n"
    assert quoted(document, result) == f"before\n<!-- faults -->\n\n{table}\n\n<!-- /faults -->\nafter\n"


def test_the_reliability_page_quotes_the_last_full_run() -> None:
    if not RESULT.exists():
        pytest.skip("no full run is committed; `nox -s faults` writes bench/results/faults.json")
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert quoted(text, result) == text
    assert "<!-- faults -->" in text
