"""Made-up cells of a suite, for tests of what is done with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpr_runner.files.provenance import provenance

__all__ = ["cell", "cells"]

RECALL_AT = (1, 5, 10, 20)
MADE = provenance()


def cell(
    method: str, stage: str, seed: int, ranks: list[int], *, setting: str = "", test: str = "", dim: int = 8
) -> dict[str, Any]:
    """A finished cell whose queries found their first right image at ``ranks`` (0: nowhere)."""
    array = np.array(ranks)
    return {
        "key": f"{setting}/{method}/{stage}/{seed}",
        "setting": setting,
        "method": method,
        "stage": stage,
        "seed": seed,
        "dim": dim,
        "descriptor_bytes": 4 * dim,
        "train_seconds": 12.5 + seed if stage == "trained" else None,
        "milliseconds": {"backbone": 1.5 + seed, "pooling": 0.25},
        "tests": {
            test: {
                "protocol": "made-up@25m",
                "queries": len(ranks),
                "database": 90,
                "counted": len(ranks),
                "recall": {str(at): float(((array >= 1) & (array <= at)).mean()) for at in RECALL_AT},
                "first_hits": ranks,
                "fingerprint": "abc",
            }
        },
        "provenance": [dict(MADE)],
        "config": {"seed": seed},
    }


def cells(count: int = 60) -> list[dict[str, Any]]:
    """Two methods, two stages, three seeds; ``NetVLAD`` is plainly better than ``max`` once trained."""
    found = []
    for seed in range(3):
        draw = np.random.default_rng(seed)
        for method, share in (("NetVLAD", 0.9), ("max", 0.4)):
            for stage, factor in (("untrained", 0.5), ("trained", 1.0)):
                right = draw.random(count) < share * factor
                ranks = np.where(right, 1, draw.choice([0, 3, 7, 15], size=count))
                found.append(
                    cell(method, stage, seed, [int(rank) for rank in ranks], dim=64 if method == "NetVLAD" else 8)
                )
    return found
