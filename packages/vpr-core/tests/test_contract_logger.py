"""The logger contract passes sound loggers and catches each fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field

from vpr_core import ComponentConfig, LoggerSpec
from vpr_core.testing import LoggerContract, Trial, breaches


class Config(ComponentConfig):
    type: Literal["lines"] = "lines"
    file: str = Field(default="lines.txt", description="File in the run's folder.")


class Lines:
    """A sound logger: a line a record, those that are to be forgotten taken off first."""

    def __init__(self, config: Config, run: Any) -> None:
        self.path = run.folder / config.file
        self.forget(run.after)
        self.stream = self.path.open("a", encoding="utf-8")

    def forget(self, after: int) -> None:
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if json.loads(line)["key"] <= after]
            self.path.write_text("".join(kept), encoding="utf-8")

    def log(self, key: int, record: Any) -> None:
        self.stream.write(json.dumps({**record, "key": key}) + "\n")
        self.stream.flush()

    def close(self) -> None:
        self.stream.close()


class Skips:
    """Sound too: what is there already is not written again; a new run begins a new file."""

    def __init__(self, config: Config, run: Any) -> None:
        self.path = run.folder / config.file
        if run.after < 0:
            self.path.unlink(missing_ok=True)
        self.last = max(keys(run.folder), default=-1) if self.path.exists() else -1

    def log(self, key: int, record: Any) -> None:
        if key > self.last:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({**record, "key": key}) + "\n")

    def close(self) -> None:
        pass


def keys(folder: Path) -> list[int]:
    (path,) = [path for path in folder.iterdir() if path.is_file()] or [None]
    return [json.loads(line)["key"] for line in path.read_text(encoding="utf-8").splitlines()] if path else []


TRIAL = Trial(options={"keys": keys}, other={"file": ["other.txt"]})


def spec_of(logger: Any) -> LoggerSpec[Any]:
    return LoggerSpec(name="lines", config=Config, build=logger, summary="Lines.")


@pytest.mark.parametrize("logger", [Lines, Skips])
def test_a_sound_logger_keeps_the_contract(logger: Any) -> None:
    assert breaches(LoggerContract, spec_of(logger), TRIAL) == {}


class Appends(Lines):
    """Knows nothing of a start before."""

    def forget(self, after: int) -> None:
        pass


class Truncates(Lines):
    """Every start is a new file."""

    def forget(self, after: int) -> None:
        self.path.unlink(missing_ok=True)


class OffByOne(Lines):
    def forget(self, after: int) -> None:
        super().forget(after - 1)


class Buffered(Lines):
    """Writes at the end; a killed training has nothing."""

    def __init__(self, config: Config, run: Any) -> None:
        super().__init__(config, run)
        self.lines: list[str] = []

    def log(self, key: int, record: Any) -> None:
        self.lines.append(json.dumps({**record, "key": key}) + "\n")

    def close(self) -> None:
        if not self.stream.closed:
            self.stream.writelines(self.lines)
        self.stream.close()


class NumbersOnly(Lines):
    def log(self, key: int, record: Any) -> None:
        super().log(key, {name: float(value) for name, value in record.items() if name not in ("kind", "note")})


class FirstNames(Lines):
    """The names of the first record, as a table has columns."""

    names: Any = None

    def log(self, key: int, record: Any) -> None:
        self.names = self.names or set(record)
        super().log(key, {name: record[name] for name in sorted(record) if name in self.names or record["kind"]})


class Spoils(Lines):
    def log(self, key: int, record: Any) -> None:
        record["key"] = key
        super().log(key, record)


class ClosesOnce(Lines):
    def close(self) -> None:
        if self.stream.closed:
            raise ValueError("closed already")
        self.stream.close()


class Shared(Lines):
    """One file for all runs of the process."""

    first: ClassVar[dict[str, Any]] = {}

    def log(self, key: int, record: Any) -> None:
        first = self.first.setdefault(self.path.parent.parent.as_posix(), self)
        super(Shared, self if first.stream.closed else first).log(key, record)


class Fixed(Lines):
    def __init__(self, config: Config, run: Any) -> None:
        super().__init__(Config(), run)


BROKEN: dict[type, dict[str, str]] = {
    Appends: {
        "test_a_resumed_run_is_not_written_twice": "take back what has a greater key than run.after",
        "test_a_new_run_begins_anew": "keeps [0, 1, 2, 3, 4, 0, 1] instead of 0 and 1",
    },
    Truncates: {"test_a_resumed_run_is_not_written_twice": "keeps the keys [4, 5, 6, 7] instead of 0 to 7"},
    OffByOne: {"test_a_resumed_run_is_not_written_twice": "instead of 0 to 7"},
    Buffered: {
        "test_every_record_is_kept": "write each when it comes",
        "test_a_resumed_run_is_not_written_twice": "instead of 0 to 7",
    },
    NumbersOnly: {"test_records_may_hold_anything": "leave out the odd one"},
    FirstNames: {"test_records_may_hold_anything": "leave out the odd one"},
    Spoils: {"test_records_may_hold_anything": "log() changes the record"},
    ClosesOnce: {"test_every_record_is_kept": "closed already"},
    Shared: {"test_runs_are_independent": "of two runs at once"},
    Fixed: {"test_config_fields_matter": "the field 'file' changes nothing"},
}


@pytest.mark.parametrize(("logger", "expected"), BROKEN.items(), ids=[logger.__name__ for logger in BROKEN])
def test_a_fault_is_caught_with_what_to_do(logger: Any, expected: dict[str, str]) -> None:
    found = breaches(LoggerContract, spec_of(logger), TRIAL)
    assert set(found) == set(expected)
    for test, said in expected.items():
        assert said in found[test]


def test_without_a_way_to_read_back_it_is_no_silent_pass() -> None:
    found = breaches(LoggerContract, spec_of(Lines))
    assert "say how records are read back" in found["test_every_record_is_kept"]
    assert "say how records are read back" in found["test_a_resumed_run_is_not_written_twice"]
