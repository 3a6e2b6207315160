"""The rendered city: a threshold learnt on one area of it, asked on another, and in another city altogether.

The networks are those of ``nox -s bench`` (suite ``city``, seed 0): off the shelf, and trained the paper's way.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.where.areas import Area, asked_in
from bench.where.row import row_of
from vpr_runner.bench import find_suite, load_suite, plan
from vpr_runner.bench.cell import data_of, network_of, started_with
from vpr_runner.bench.data import DataSets
from vpr_runner.locate.calibrate import learn
from vpr_runner.locate.judge import judge_elsewhere
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.storage import fingerprint

if TYPE_CHECKING:
    from bench.speed.store import Store
    from vpr_core import Registry
    from vpr_runner.bench.plan import Cell

__all__ = ["LEARNT", "REPORTED", "cells_of", "measured"]

LEARNT = ("val", 0)
REPORTED = (("test", 0), ("test", 1))
"""Split and seed of the city; another seed is another city, of which neither network nor threshold knows anything."""
NAMES = {"untrained": "small CNN, NetVLAD, frozen", "trained": "small CNN, NetVLAD, trained"}
QUICK = (
    "dataset.size=small", "train.epochs=1", "train.max_queries=8", "train.cache_every=8",
    "init.images=20", "init.locations=10", "miner.pool=10",
)  # fmt: skip


def cells_of(registry: Registry, *, quick: bool) -> list[Cell]:
    """Return NetVLAD frozen and trained, with seed 0."""
    suite = load_suite(find_suite("city")).model_copy(update={"seeds": [0]})
    return plan(suite, registry, only=["NetVLAD"], overrides=QUICK if quick else ())


def measured(cells: Sequence[Cell], registry: Registry, store: Store, *, kept: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the row of each network and area that is reported on; what ``store`` has is not measured again."""
    for cell in cells:
        data = DataSets(registry)
        part = f"{cell.stage}-{cell.key[:16]}"
        known = data_of(cell, data)["trained_on"]
        found = store.get(part)
        if found is None:
            found = list(_rows(cell, registry, data, known, kept=kept))
            store.put(part, found)
        yield found


def _rows(
    cell: Cell, registry: Registry, data: DataSets, trained_on: list[Any], *, kept: Path
) -> Iterator[dict[str, Any]]:
    retriever, seconds, trained_in = network_of(cell, registry, trainings=kept / "trainings")
    with tempfile.TemporaryDirectory(prefix="vpr-where-") as temporary:

        def area(split: str, seed: int) -> tuple[Area, str | None]:
            block = cell.config.dataset.model_copy(update={"seed": seed})
            asked = data.split(block, split)
            folder = Path(temporary) / f"{split}-{seed}"
            found = asked_in(asked.database, asked.queries, retriever, cell.config, registry, folder=folder)
            return found, data.fingerprint(block)

        here, fingerprint_here = area(*LEARNT)
        learnt = learn(
            here.asked, here.places, floor=here.floor, within=25.0, learnt=f"{_said(*LEARNT)}: queries", rows=""
        )
        for split, seed in REPORTED:
            there, fingerprint_there = area(split, seed)
            yield row_of(
                photos=f"{_said(split, seed)}, {len(there.asked)} queries",
                network=NAMES[cell.stage],
                learnt_on=f"{_said(*LEARNT)}, {len(here.asked)} queries",
                model=fingerprint(retriever, Architecture.of(cell.config)),
                data={"learnt_on": fingerprint_here, "reported_on": fingerprint_there, "trained_on": trained_on},
                calibrations=[learnt],
                evaluation=judge_elsewhere(there.asked, there.places, learnt, floor=there.floor),
                trained={"seconds": seconds, "starts": started_with(trained_in)},
            )


def _said(split: str, seed: int) -> str:
    return f"`city` {split}" if seed == 0 else f"another city (seed {seed}) {split}"
