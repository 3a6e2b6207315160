"""From finished cells (one seed each) to rows of a table (all seeds), with spread, intervals and paired tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["comparisons", "curve", "gains", "rows"]

CellResult = dict[str, Any]
Row = dict[str, Any]


def rows(cells: Sequence[CellResult], *, recall_at: Sequence[int] = (1, 5, 10)) -> list[Row]:
    """Return one row for each (setting, test, method, stage), in the cells' order.

    ``recall[N]`` holds the mean over seeds, the standard deviation over seeds (with ``n - 1``; None for one seed), the
    values by seed, and a 95 % interval of the mean by resampling queries: how much another draw of queries from the
    same places could move it. An N beyond the answers that a suite looks at is left out. Milliseconds are the least
    over seeds, seconds of training the median. A re-ranked row has ``reordered``: milliseconds a query, those for local
    features left out, and bytes of local features an image.
    """
    found = []
    for (setting, test, method, stage), members in _grouped(cells).items():
        outcomes = [cell["tests"][test] for cell in members]
        found.append(
            {
                "setting": setting,
                "test": test,
                "method": method,
                "stage": stage,
                "protocol": outcomes[0]["protocol"],
                "queries": outcomes[0]["queries"],
                "database": outcomes[0]["database"],
                "dim": members[0]["dim"],
                "descriptor_bytes": members[0]["descriptor_bytes"],
                "seeds": [cell["seed"] for cell in members],
                "recall": {str(at): _spread(outcomes, at) for at in recall_at if at <= _depth(outcomes)},
                "milliseconds": {
                    part: min(float(cell["milliseconds"][part]) for cell in members)
                    for part in members[0]["milliseconds"]
                },
                "train_seconds": _median([cell["train_seconds"] for cell in members]),
                **_decided(outcomes),
                **_reordered(outcomes),
            }
        )
    return found


def _grouped(cells: Sequence[CellResult]) -> dict[tuple[str, str, str, str], list[CellResult]]:
    groups: dict[tuple[str, str, str, str], list[CellResult]] = {}
    for cell in cells:
        for test in cell["tests"]:
            groups.setdefault((cell["setting"], test, cell["method"], cell["stage"]), []).append(cell)
    return groups


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _depth(outcomes: Sequence[dict[str, Any]]) -> int:
    """How many answers a query were looked at: a right one beyond counts as none."""
    return min(max(map(int, outcome["recall"])) for outcome in outcomes)


def _spread(outcomes: Sequence[dict[str, Any]], at: int) -> dict[str, Any]:
    by_seed = [float(curve([outcome], at)[0][-1]) for outcome in outcomes]
    hits = hits_by_query(outcomes, at)
    low, high = _interval(hits)
    return {
        "mean": float(np.mean(by_seed)),
        "std": float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None,
        "low": low,
        "high": high,
        "by_seed": by_seed,
    }


def _decided(outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Recall at 100 % precision: mean over seeds, and its 95 % interval by resampling queries, the same in each seed.

    Nothing where the suite did not ask for it.
    """
    if not all("first" in outcome for outcome in outcomes):
        return {}
    from vpr_runner.evaluation.decision import Decision

    seeds = [Decision.from_dict(outcome["first"]) for outcome in outcomes]
    by_seed = [one.recall_at_full_precision() for one in seeds]
    generator = np.random.default_rng(0)
    size, drawn = len(seeds[0].distance), []
    for _ in range(1000):
        some = generator.integers(0, size, size)
        drawn.append(float(np.mean([one.some(some).recall_at_full_precision() for one in seeds])))
    return {
        "full_precision": {
            "mean": float(np.mean(by_seed)),
            "std": float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None,
            "low": float(np.percentile(drawn, 2.5)),
            "high": float(np.percentile(drawn, 97.5)),
            "by_seed": by_seed,
        }
    }


def _reordered(outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What re-ranking cost: the least time over seeds; nothing where there was none."""
    if not all("reordered" in outcome for outcome in outcomes):
        return {}
    costs = [outcome["reordered"] for outcome in outcomes]
    sizes = [cost["bytes_an_image"] for cost in costs]
    return {
        "reordered": {
            "milliseconds": min(float(cost["milliseconds"] - (cost["looking"] or 0.0)) for cost in costs),
            "bytes_an_image": None if None in sizes else float(np.mean(sizes)),
        }
    }


def hits_by_query(outcomes: Sequence[dict[str, Any]], at: int) -> npt.NDArray[np.float64]:
    """Return for each counted query the share of seeds in which a right image is among the first ``at``."""
    ranks = np.array([outcome["first_hits"] for outcome in outcomes], dtype=np.int64)
    return np.asarray(((ranks >= 1) & (ranks <= at)).mean(axis=0), dtype=np.float64)


def _interval(hits: npt.NDArray[np.float64]) -> tuple[float, float]:
    from vpr_eval import bootstrap_interval

    interval = bootstrap_interval(hits)
    return float(interval.low), float(interval.high)


def comparisons(cells: Sequence[CellResult], *, baseline: str, at: int = 1) -> list[dict[str, Any]]:
    """Return the baseline against every other method at the same setting, test and stage, on the same queries.

    The difference is that of recall@``at`` (mean over the seeds both have); the p-value is of a paired test over
    queries, two-sided.
    """
    groups = _grouped(cells)
    found = []
    for (setting, test, method, stage), members in groups.items():
        reference = groups.get((setting, test, baseline, stage))
        difference = _difference(reference, members, test, at) if reference and method != baseline else None
        if difference is not None:
            where = {"setting": setting, "test": test, "stage": stage, "method": method, "baseline": baseline}
            found.append({**where, **difference})
    return found


def gains(cells: Sequence[CellResult], *, at: int = 1) -> list[dict[str, Any]]:
    """Return each method trained against itself untrained, as `comparisons` does."""
    groups = _grouped(cells)
    found = []
    for (setting, test, method, stage), members in groups.items():
        before = groups.get((setting, test, method, "untrained"))
        difference = _difference(members, before, test, at) if before and stage == "trained" else None
        if difference is not None:
            found.append({"setting": setting, "test": test, "method": method, **difference})
    return found


def _difference(first: Sequence[CellResult], second: Sequence[CellResult], test: str, at: int) -> dict[str, Any] | None:
    """First minus second over the seeds that both have; None when there is none."""
    from vpr_eval import paired_test

    seeds = sorted({cell["seed"] for cell in first} & {cell["seed"] for cell in second})
    if not seeds:
        return None
    one, other = (
        hits_by_query([cell["tests"][test] for cell in side if cell["seed"] in seeds], at) for side in (first, second)
    )
    if len(one) != len(other):
        names = " and ".join(dict.fromkeys((first[0]["method"], second[0]["method"])))
        raise ValueError(f"cells: {names} were tested on different queries of {test or 'the test'}")
    outcome = paired_test(one, other)
    return {
        "at": at,
        "difference": float(one.mean() - other.mean()),
        "low": float(outcome.low),
        "high": float(outcome.high),
        "p_value": float(outcome.p_value),
        "seeds": seeds,
    }


def curve(outcomes: Sequence[dict[str, Any]], depth: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return recall@1 .. recall@``depth``: mean over seeds and standard deviation over seeds, ``(depth,)`` each."""
    ranks = np.array([outcome["first_hits"] for outcome in outcomes], dtype=np.int64)
    counted = np.array([outcome["counted"] for outcome in outcomes], dtype=np.float64)
    hits = np.stack([((ranks >= 1) & (ranks <= at)).sum(axis=1) for at in range(1, depth + 1)], axis=1)
    by_seed = hits / counted[:, None]
    return by_seed.mean(axis=0), by_seed.std(axis=0, ddof=1 if len(by_seed) > 1 else 0)
