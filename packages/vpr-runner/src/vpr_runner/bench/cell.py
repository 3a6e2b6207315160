"""One cell: a network, trained or not, measured on every test of the suite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_runner.bench.data import DataSets
from vpr_runner.bench.plan import Cell
from vpr_runner.evaluation.decision import Decision
from vpr_runner.evaluation.evaluate import Report, evaluate
from vpr_runner.files.atomic import write_json
from vpr_runner.files.documents import parsed
from vpr_runner.files.provenance import provenance, told_apart
from vpr_runner.network.retriever import Retriever
from vpr_runner.network.storage import MODEL_FILE
from vpr_runner.training.environment import starts_of
from vpr_runner.training.start import initialised
from vpr_runner.training.train import train

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_core.types import PlaceSplit

__all__ = ["data_of", "network_of", "run_cell", "started_with", "timed"]


def run_cell(
    cell: Cell,
    registry: Registry,
    data: DataSets,
    *,
    trainings: Path,
    decision: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Return what a table and a figure need of this cell, as plain JSON values; with ``decision`` the first answers.

    A trained cell trains in ``trainings/<hash>``, and goes on there when it was interrupted; cells that differ
    in evaluation alone share that training.
    """
    known = data_of(cell, data)
    retriever, seconds, trained_in = network_of(cell, registry, trainings=trainings, progress=progress)
    splits = {label: data.split(config.dataset, config.eval.split) for label, config in cell.tests.items()}
    reports = {
        label: evaluate(
            retriever,
            splits[label],
            config,
            registry=registry,
            data=known["tests"][label],
            timed=True,
            memo=data.descriptors,
            progress=progress,
        )
        for label, config in cell.tests.items()
    }
    outcomes = {
        name: outcome
        for label, report in reports.items()
        for name, outcome in _outcomes(label, report, splits[label], known["tests"][label])
    }
    if decision:
        for label, report in reports.items():
            outcomes[label]["first"] = _decision(report, splits[label])
    first = next(iter(reports.values()))
    return {
        "setting": cell.setting,
        "method": cell.method,
        "stage": cell.stage,
        "seed": cell.seed,
        "dim": first.dim,
        "descriptor_bytes": first.descriptor_bytes,
        "train_seconds": seconds,
        "milliseconds": first.milliseconds,
        "tests": outcomes,
        "trained_on": known["trained_on"],
        "provenance": told_apart([*started_with(trained_in), provenance()]),
        "config": cell.config.model_dump(mode="json"),
        "pretraining": cell.pretraining.model_dump(mode="json") if cell.pretraining else None,
    }


def network_of(
    cell: Cell, registry: Registry, *, trainings: Path, progress: bool = True
) -> tuple[Retriever, float | None, list[Path]]:
    """Return the cell's network, the seconds that training took (None: not trained, or unknown), and where it trained.

    What is trained in ``trainings`` already is only read.
    """
    trained_in = [] if cell.pretraining_key is None else [trainings / cell.pretraining_key[:16]]
    config = _started(cell, registry, folder=trainings, progress=progress)
    if cell.stage != "trained":
        return initialised(config, registry, progress=progress), None, trained_in
    folder = trainings / cell.training_key[:16]
    retriever, seconds = timed(
        lambda: train(config, registry, run_directory=folder, progress=progress).retriever, _clock_of(folder)
    )
    return retriever, seconds, [*trained_in, folder]


def data_of(cell: Cell, data: DataSets) -> dict[str, Any]:
    """Return what identifies the images of a cell: of each test, by label, and of what its network is trained on."""
    runs = [run for run in (cell.pretraining, cell.config if cell.stage == "trained" else None) if run is not None]
    return {
        "tests": {label: data.fingerprint(test.dataset) for label, test in cell.tests.items()},
        "trained_on": [data.fingerprint(run.dataset) for run in runs],
    }


def _started(cell: Cell, registry: Registry, *, folder: Path, progress: bool) -> RunConfig:
    """Return the cell's run file with the weights that it starts from, which are learnt first where none did yet."""
    before, key = cell.pretraining, cell.pretraining_key
    if before is None or key is None:
        return cell.config
    run_directory = folder / key[:16]
    timed(
        lambda: train(before, registry, run_directory=run_directory, progress=progress).retriever,
        _clock_of(run_directory),
    )
    weights = {"weights": str(run_directory / "model" / MODEL_FILE)}
    return cell.config.model_copy(update={"backbone": cell.config.backbone.model_copy(update=weights)})


def started_with(run_directories: Sequence[Path]) -> list[dict[str, Any]]:
    """Return what trained a network, start by start, as its run directories say."""
    return [start for folder in run_directories for start in starts_of(folder)]


def _clock_of(run_directory: Path) -> Path:
    return run_directory.with_name(f"{run_directory.name}.json")


def timed(work: Callable[[], Retriever], file: Path) -> tuple[Retriever, float | None]:
    """Do ``work`` and return its result with the seconds it took over all of its starts, remembered in ``file``.

    A start that was killed took nobody knows how long: the seconds are None then, which a table shows as unknown; so
    they are when ``file`` is damaged.
    """
    before = _remembered(file)
    if before["finished"]:  # it is only read: that is no training time
        return work(), before["seconds"]
    spent = None if before["begun"] else before["seconds"]
    write_json(file, {**before, "seconds": spent, "begun": True})
    start = time.perf_counter()
    finished = False
    try:
        retriever = work()
        finished = True
    finally:
        seconds = None if spent is None else spent + time.perf_counter() - start
        # Once unknown, it stays so: whoever reads the file again finds the start still open.
        write_json(file, {"seconds": seconds, "finished": finished, "begun": seconds is None})
    return retriever, seconds


def _remembered(file: Path) -> dict[str, Any]:
    fresh = {"seconds": 0.0, "finished": False, "begun": False}
    if not file.exists():
        return fresh
    try:
        known = parsed(file.read_text(encoding="utf-8"))
    except ValueError:
        known = None
    return known if isinstance(known, dict) and known.keys() == fresh.keys() else {**fresh, "begun": True}


def _decision(report: Report, split: PlaceSplit) -> dict[str, Any]:
    """What a threshold on first answers would decide, query by query."""
    assert report.answers is not None
    found = report.answers.index[:, 0] >= 0
    distance = np.where(found, report.answers.distance[:, 0].astype(np.float64), np.inf)
    answerable = np.array([len(row) > 0 for row in split.positives()], dtype=bool)
    return Decision(distance=distance, right=report.first_hits == 1, answerable=answerable).as_dict()


def _outcomes(label: str, report: Report, split: Any, fingerprint: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the outcome of a test, and of each named set of its queries: one database, encoded once, several rows."""
    whole = _outcome(report, fingerprint)
    yield label, whole
    suffix = report.protocol.removeprefix(str(split.protocol))
    for name, part in report.subsets.items():
        rows = np.asarray(split.subsets[name])
        counted = rows[report.evaluated[rows]]
        protocol = split.subset(name).protocol if hasattr(split, "subset") else f"{split.protocol}-{name}"
        outcome = {
            **whole,
            "protocol": f"{protocol}{suffix}",
            "queries": part.queries,
            "counted": part.counted,
            "without_positives": part.without_positives,
            "recall": {str(at): value for at, value in part.recall.items()},
            "first_hits": [int(rank) for rank in report.first_hits[counted]],
        }
        yield f"{label} {name}".strip(), outcome


def _outcome(report: Report, fingerprint: str | None) -> dict[str, Any]:
    """What is kept of a report: recall, and the rank of the first right image of each counted query (0: none)."""
    return {
        "protocol": report.protocol,
        "split": report.split,
        "queries": report.queries,
        "database": report.database,
        "counted": report.counted,
        "without_positives": report.without_positives,
        "unreadable": len(report.unreadable_database) + len(report.unreadable_queries),
        "recall": {str(at): value for at, value in report.recall.items()},
        "first_hits": [int(rank) for rank in report.first_hits[report.evaluated]],
        "fingerprint": fingerprint,
        **({} if report.reordered is None else {"reordered": report.reordered.costs()}),
    }
