"""Running a suite from its first cell that is not done to its table, figure and result file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_runner.bench.cell import data_of, run_cell
from vpr_runner.bench.clock import Clock, spoken
from vpr_runner.bench.data import DataSets
from vpr_runner.bench.figure import draw_curves
from vpr_runner.bench.plan import Cell
from vpr_runner.bench.result import assemble_result, write_result
from vpr_runner.bench.store import CellStore
from vpr_runner.bench.suite import Suite
from vpr_runner.bench.table import markdown
from vpr_runner.files import atomic
from vpr_runner.files.lock import folder_lock

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["run_suite"]


def run_suite(
    suite: Suite,
    cells: Sequence[Cell],
    registry: Registry,
    *,
    folder: Path,
    trainings: Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Run what is not done of ``cells`` and return the result; ``folder`` gets result.json, table.md and recall.png.

    Networks are trained in ``trainings`` (None: ``folder/trainings``), where other suites may find them.
    A cell is done when its file is there, was made with the same configuration, and its data sets are what they were.

    Raises:
        UsageError: another process is at work in ``folder``.
    """
    trainings = trainings or folder / "trainings"
    with folder_lock(folder, purpose="vpr bench", worth=partial(_has_work, folder)):
        for part in (folder, folder / "cells"):
            atomic.remove_leftovers(part)
        # Another suite may be writing there at this moment; it does not take an hour to write a file.
        atomic.remove_leftovers(trainings, older_than=3600)
        store, data = CellStore(folder), DataSets(registry)
        done = {cell.file_name: found for cell in cells if (found := _found(store, cell, data)) is not None}
        clock = Clock([cell.stage for cell in cells if cell.file_name not in done])
        if progress and done:
            _say(f"{len(done)} of {len(cells)} cells are done already")
        for number, cell in enumerate(cells, 1):
            if cell.file_name in done:
                continue
            clock.start()
            outcome = run_cell(cell, registry, data, trainings=trainings, decision=suite.decision, progress=progress)
            done[cell.file_name] = store.keep(cell, outcome)
            _report(f"[{number}/{len(cells)}] {cell.label}", outcome, clock, shown=progress)
        result = assemble_result(suite, [done[cell.file_name] for cell in cells])
        write_result(result, folder / "result.json")
        atomic.write_text(folder / "table.md", f"## {suite.title}\n\n{markdown(result)}\n")
        draw_curves(result, folder / "recall.png")
    return result


def _has_work(folder: Path) -> bool:
    """Whether a cell is done or a training has begun."""
    kept = ("cells/*.json", "trainings/*/run.json")
    return any(next(folder.glob(pattern), None) is not None for pattern in kept)


def _found(store: CellStore, cell: Cell, data: DataSets) -> dict[str, Any] | None:
    stored = store.find(cell)
    if stored is None:
        return None
    tests = stored.get("tests")
    if not isinstance(tests, dict) or not all(isinstance(tests.get(label), dict) for label in cell.tests):
        return None
    known = data_of(cell, data)
    same = all(tests[label].get("fingerprint") == found for label, found in known["tests"].items())
    return stored if same and stored.get("trained_on") == known["trained_on"] else None


def _report(label: str, outcome: dict[str, Any], clock: Clock, *, shown: bool) -> None:
    seconds, left = clock.stop(), clock.left()
    if not shown:
        return
    recalls = []
    for name, test in outcome["tests"].items():
        at, value = next(iter(test["recall"].items()))
        recalls.append(f"{name + ' ' if name else ''}recall@{at} {100 * value:.1f}")
    rest = f", about {spoken(left)} left" if left else ""
    _say(f"{label}: {'; '.join(recalls)} ({spoken(seconds)}{rest})")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the bench talks to a person
