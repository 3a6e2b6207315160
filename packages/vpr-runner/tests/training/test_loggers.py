"""Loggers of a training: the CSV table, what a failing one costs, and a run that is resumed."""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from vpr_core import UsageError
from vpr_runner import train
from vpr_runner.distributed import ONE_PROCESS
from vpr_runner.files.csv_log import CsvLog
from vpr_runner.training.loggers import Loggers
from vpr_runner.training.run_directory import RunDirectory


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_has_a_row_a_record_and_a_column_a_name(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    log = CsvLog(path, after=-1)
    log.log(0, {"kind": "part", "loss": 0.25, "lr": 1e-05})
    log.log(1, {"kind": "validation", "recall": {"1": 0.5, "5": 1.0}, "best": True, "none": None, "list": [1, 2]})
    log.log(2, {"kind": 'part, "odd"\n', "loss": float("inf")})
    log.close()
    rows = table(path)
    assert [row["key"] for row in rows] == ["0", "1", "2"]
    assert rows[0]["loss"] == "0.25"
    assert float(rows[0]["lr"]) == 1e-05
    assert rows[0]["recall.5"] == ""
    assert (rows[1]["recall.1"], rows[1]["best"], rows[1]["none"], rows[1]["list"]) == ("0.5", "true", "", "[1, 2]")
    assert (rows[2]["kind"], rows[2]["loss"]) == ('part, "odd"\n', "inf")
    assert list(rows[0]) == ["key", "kind", "loss", "lr", "recall.1", "recall.5", "best", "none", "list"]


def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    log = CsvLog(path, after=-1)
    for key in range(3):
        log.log(key, {"kind": "part", "loss": 0.5})
    whole = path.read_text()
    for cut in range(1, len("2,part,0.5\n") + 1):
        path.write_text(whole[:-cut])
        again = CsvLog(path, after=1)
        again.log(2, {"kind": "part", "loss": 0.75})
        assert [(row["key"], row["loss"]) for row in table(path)] == [("0", "0.5"), ("1", "0.5"), ("2", "0.75")]


@pytest.mark.parametrize("content", ["name,x,y\na,1,2\n", "key,key\n1,2\n", "key,a\n1,2\n1\n2,3,4\n5,6\n", "\xff"])
def test_another_file_of_that_name_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "metrics.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=r"metrics\.csv: it is no table of this logger; move it away"):
        CsvLog(path, after=3)
    assert path.read_bytes() == content.encode("latin-1")


class Fails:
    def __init__(self, name: str = "log") -> None:
        self.name, self.count = name, 0

    def log(self, key: int, record: Any) -> None:
        self.count += 1
        if self.name == "log":
            raise RuntimeError("disk full")

    def close(self) -> None:
        if self.name == "close":
            raise RuntimeError("no answer")


class Keeps:
    def __init__(self) -> None:
        self.keys: list[int] = []
        self.closed = 0

    def log(self, key: int, record: Any) -> None:
        self.keys.append(key)
        record["key"] = key

    def close(self) -> None:
        self.closed += 1


def test_a_logger_that_fails_is_named_once_and_costs_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    fails, keeps, late = Fails(), Keeps(), Fails("close")
    loggers = Loggers([("bad", fails), ("good", keeps), ("late", late)])
    record = {"loss": 1.0}
    with caplog.at_level(logging.WARNING):
        for key in range(3):
            loggers.log(key, record)
        loggers.close()
        loggers.close()
    assert (fails.count, keeps.keys, keeps.closed, late.count) == (1, [0, 1, 2], 1, 3)
    assert record == {"loss": 1.0}
    assert [message.split(";")[0] for message in caplog.messages] == [
        "the logger 'bad' fails (RuntimeError: disk full) and is left out from now on",
        "the logger 'late' fails (RuntimeError: no answer) and is left out from now on",
    ]


def test_a_logger_that_cannot_be_built_stops_the_start(tmp_path: Path, engine_registry) -> None:
    (tmp_path / "metrics.csv").write_text("a,b\n")
    config = engine_registry.get("logger", "csv").config()
    with pytest.raises(
        UsageError, match=r"loggers\[0\]: 'csv' cannot be set up \(ValueError: .*take it out of the run"
    ):
        Loggers.build([config], engine_registry, folder=tmp_path, name="run", config={}, after=0)


def test_a_run_directory_numbers_its_records_over_all_starts(tmp_path: Path, make_config, engine_registry) -> None:
    config = make_config(loggers=[{"type": "csv"}])
    folder = tmp_path / "run"
    with RunDirectory.hold(folder, config, ranks=ONE_PROCESS, resume=True) as run:
        run.tell_loggers(engine_registry)
        for step in range(3):
            run.record(kind="part", step=step)
        size = run.metrics_size
        for step in (3, 4):
            run.record(kind="part", step=step)
    with RunDirectory.hold(folder, config, ranks=ONE_PROCESS, resume=True) as run:
        run.forget_metrics_after(size)
        run.tell_loggers(engine_registry)
        for step in (3, 4, 5):
            run.record(kind="part", step=step, again=True)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    rows = table(folder / "metrics.csv")
    assert [int(row["step"]) for row in rows] == [line["step"] for line in lines] == list(range(6))
    assert [int(row["key"]) for row in rows] == list(range(6))
    assert [row["again"] for row in rows] == ["", "", "", "true", "true", "true"]


def test_a_training_tells_its_loggers_what_metrics_has(tmp_path: Path, make_config, engine_registry) -> None:
    config = make_config(loggers=[{"type": "csv"}, {"type": "csv", "file": "second.csv"}])
    folder = tmp_path / "run"
    train(config, engine_registry, run_directory=folder, progress=False)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for name in ("metrics.csv", "second.csv"):
        rows = table(folder / name)
        assert [row["kind"] for row in rows] == [line["kind"] for line in lines]
        for row, line in zip(rows, lines, strict=True):
            if line["kind"] == "part":
                assert float(row["loss"]) == line["loss"]
            else:
                assert {name: float(row[f"recall.{name}"]) for name in line["recall"]} == line["recall"]
