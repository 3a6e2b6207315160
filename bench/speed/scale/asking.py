"""``python -m bench.speed.scale.asking``: a fresh process that opens one index, asks it, and says what that took."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.speed.measure import status_bytes
from bench.speed.scale.contestants import TOP, contestants
from bench.speed.scale.places import VIEWS, Places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.speed.scale.contestants import Ask

__all__ = ["main"]

COLD = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--contestant", required=True)
    parser.add_argument("--variant", required=True)
    for number in ("count", "dim", "queries", "timed"):
        parser.add_argument(f"--{number}", type=int, required=True)
    parser.add_argument("--cold", action="store_true")
    options = parser.parse_args(arguments)
    places = Places(options.rows, count=options.count, dim=options.dim, queries=options.queries)
    contestant = dict(contestants())[options.contestant]
    contestant.load()
    asked, truth = places.asked(), np.load(options.rows / "truth.npy")
    rows = places.rows()
    before = _settled()
    begin = time.perf_counter()
    ask = contestant.open(options.index, rows, contestant.variants[options.variant])
    opened = time.perf_counter()
    ask(asked[:1])  # what is put off until the first query belongs to opening
    ready = time.perf_counter()
    cold = COLD if options.cold else 0
    number = min(options.timed, len(asked) - cold)
    # Evenly over the map; the others are asked afterwards, from the disk.
    order = np.random.default_rng(0).permutation(len(asked))
    answers, each, work = _ask(ask, asked, order[:number])
    result: dict[str, Any] = {
        "opening_seconds": opened - begin,
        "first_query_seconds": ready - opened,
        "ms_a_query": 1e3 * float(np.median(each)),
        "ms_a_query_range": [1e3 * float(np.quantile(each, share)) for share in (0.1, 0.9)],
        "cpu_ms_a_query": 1e3 * float(np.median(work)),
    }
    if cold:
        _forget(options.rows)
        later, slow, _ = _ask(ask, asked, order[number : number + cold])
        answers |= later
        result["ms_from_disk"] = 1e3 * float(np.median(slow))
    which = np.array(list(answers))
    found = np.array(list(answers.values()))
    if options.contestant == "flat":  # of many descriptors it is timed a few times; the truth is its answer to all
        if not np.array_equal(found, truth[which]):
            raise AssertionError("exact search answers otherwise than when the truth was found")
        which, found = np.arange(len(truth)), truth
    result |= {
        "asked": len(answers),
        "recall_at_1_of_places": float((found[:, 0] // VIEWS == places.place_of_query()[which]).mean()),
        "exact_recall_at_1_of_places": float((truth[which, 0] // VIEWS == places.place_of_query()[which]).mean()),
        "of_ten_nearest": float((found[:, :, None] == truth[which][:, None, :]).any(axis=2).mean()),
        "memory_bytes": status_bytes("VmHWM") - before,
        "load": os.getloadavg()[0],
    }
    print(json.dumps(result))
    return 0


def _settled() -> int:
    """Return what the process holds, and have the kernel count its peak from here (man 5 proc)."""
    held = status_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return held


def _ask(ask: Ask, asked: np.ndarray, which: np.ndarray) -> tuple[dict[int, np.ndarray], list[float], list[float]]:
    """Return what was found, and for each query the seconds that passed and those that processors worked."""
    answers, each, work = {}, [], []
    for number in which.tolist():
        start, begun = time.perf_counter(), time.process_time()
        found = ask(asked[number : number + 1])
        each.append(time.perf_counter() - start)
        work.append(time.process_time() - begun)
        answers[number] = np.pad(found[:TOP], (0, TOP - len(found[:TOP])), constant_values=-1)
    return answers, each, work


def _forget(folder: Path) -> None:
    """Have the kernel drop its cache of the chunk files."""
    for path in folder.glob("rows-*.npy"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    sys.exit(main())
