"""The contract of loggers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Protocol

from vpr_core.components import ComponentConfig
from vpr_core.loggers import LoggedRun
from vpr_core.testing.case import Case, Contract
from vpr_core.testing.fields import check_fields_matter, digest

__all__ = ["LoggerContract"]


class Start(Protocol):
    """Builds a logger: ``start(folder, after=3)``."""

    def __call__(self, folder: Path, *, after: int = -1, config: ComponentConfig | None = None) -> Any: ...


class LoggerContract(Contract):
    """A logger keeps every record once, whatever the training lives through.

    Attributes:
        keys: reads back what is kept in a run's folder: the key of each record, in the order in which it is kept. A
            logger that writes elsewhere gives it a fake to write to, which the function asks.
    """

    kind = "logger"
    keys: ClassVar[Callable[[Path], Sequence[int]] | None] = None

    @contextmanager
    def starts(self, case: Case) -> Iterator[Start]:
        """Give a function that builds a logger for a start of the run in a folder; in the end all are closed."""
        made: list[Any] = []

        def start(folder: Path, *, after: int = -1, config: ComponentConfig | None = None) -> Any:
            folder.mkdir(exist_ok=True)
            run = LoggedRun(folder=folder, name="trial", config={"name": "trial", "seed": 0}, after=after)
            made.append(case.build_with(config or case.config, run))
            return made[-1]

        try:
            yield start
        finally:
            for logger in made:
                with suppress(Exception):  # a fault of it was said, or will be
                    logger.close()

    def kept(self, case: Case, folder: Path) -> list[int]:
        """Keys that are on disk."""
        keys = case.trial.options.get("keys") or type(self).keys
        if keys is None:
            case.breach("say how records are read back: keys = staticmethod(function of the run's folder)")
        return [int(key) for key in keys(folder)]

    def logged(self, logger: Any, keys: Sequence[int]) -> None:
        """Give records to a logger: parts of an epoch and an epoch, which have other names."""
        for key in keys:
            logger.log(key, record(key))

    def test_every_record_is_kept(self, case: Case, tmp_path: Path) -> None:
        """All of them, once, in their order, when ``log`` returns; ``close`` may be called twice."""
        with self.starts(case) as start:
            logger = start(tmp_path / "run")
            self.logged(logger, range(4))
            found = self.kept(case, tmp_path / "run")
            case.require(
                found == [0, 1, 2, 3],
                f"after four records the keys {found} can be read; write each when it comes, a training may be killed",
            )
            self.logged(logger, (4, 5))
            logger.close()
            logger.close()
            found = self.kept(case, tmp_path / "run")
            case.require(
                found == list(range(6)), f"after close() the keys {found} are kept instead of 0 to 5, each once"
            )

    def test_a_resumed_run_is_not_written_twice(self, case: Case, tmp_path: Path) -> None:
        """What came after the last checkpoint is logged once more by the next start, and kept once."""
        with self.starts(case) as start:
            folder = tmp_path / "run"
            killed = start(folder)
            self.logged(killed, range(6))
            again = start(folder, after=3)
            self.logged(again, range(4, 8))
            again.close()
            found = self.kept(case, folder)
            case.require(
                found == list(range(8)),
                f"killed after record 5 and gone on after 3, it keeps the keys {found} instead of 0 to 7; take back "
                "what has a greater key than run.after, or do not write it again",
            )
            for after in (7, 7):  # nothing was lost, and nothing is added
                start(folder, after=after).close()
            found = self.kept(case, folder)
            case.require(
                found == list(range(8)), f"a start that logs nothing leaves the keys {found} instead of 0 to 7"
            )

    def test_a_new_run_begins_anew(self, case: Case, tmp_path: Path) -> None:
        """``after=-1`` in a folder where a run was: nothing of that one counts."""
        with self.starts(case) as start:
            folder = tmp_path / "run"
            old = start(folder)
            self.logged(old, range(5))
            old.close()
            new = start(folder)
            self.logged(new, range(2))
            new.close()
            found = self.kept(case, folder)
            case.require(found == [0, 1], f"a new run in the folder of an old one keeps {found} instead of 0 and 1")

    def test_records_may_hold_anything(self, case: Case, tmp_path: Path) -> None:
        """None, text, nested values, numbers that are not finite, names that are new: logged, and left alone."""
        with self.starts(case) as start:
            logger = start(tmp_path / "run")
            odd: list[dict[str, Any]] = [
                {"loss": float("nan"), "text": 'a,"b"\n=c', "none": None, "flag": True},
                {"recall": {"1": 0.5, "5": 1.0}, "list": [1, 2.5], "loss": float("inf"), "größe": 2**70},
                {},
            ]
            for key, given in enumerate(odd):
                before = copy.deepcopy(given)
                try:
                    logger.log(key, given)
                except Exception as error:  # noqa: BLE001  a logger may raise anything
                    case.breach(
                        f"log({key}, {before!r}) fails with {type(error).__name__}: {error}; leave out the odd one"
                    )
                case.require(repr(given) == repr(before), "log() changes the record it is given; copy first")
            logger.close()
            found = self.kept(case, tmp_path / "run")
            case.require(found == [0, 1, 2], f"of three odd records the keys {found} are kept")

    def test_runs_are_independent(self, case: Case, tmp_path: Path) -> None:
        """Two runs at once in one process."""
        with self.starts(case) as start:
            loggers = [start(tmp_path / name) for name in ("one", "two")]
            for key in range(3):
                for logger in loggers:
                    logger.log(key, record(key))
            for logger in loggers:
                logger.close()
            for name in ("one", "two"):
                found = self.kept(case, tmp_path / name)
                case.require(found == [0, 1, 2], f"of two runs at once, run {name} keeps {found} instead of 0 to 2")

    def test_config_fields_matter(self, case: Case, tmp_path: Path) -> None:
        """Each parameter changes what is written in the run's folder."""
        count = iter(range(10**6))
        check_fields_matter(case, lambda config: self.observe(case, config, tmp_path / f"run-{next(count)}"))

    def observe(self, case: Case, config: ComponentConfig, folder: Path) -> str:
        """Digest of the files that a short run leaves."""
        with self.starts(case) as start:
            logger = start(folder, config=config)
            self.logged(logger, range(6))
            logger.close()
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return digest([(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files])


def record(key: int) -> dict[str, Any]:
    """What a training says: of a part of an epoch, and after every third of them of the epoch."""
    said: dict[str, Any] = {"kind": "part", "epoch": key // 3, "part": key % 3, "loss": 1 / (3 + key), "lr": 0.001}
    if key % 3 == 2:
        said = {"kind": "epoch", "epoch": key // 3, "recall@1": key / 10, "best": True, "note": None}
    return said
