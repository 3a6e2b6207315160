"""The loops of a whole drive, from descriptors that lie there already: the detector, image by image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_runner.loops.detector import Latency, LoopDetector
from vpr_runner.loops.rules import LoopCandidate, LoopRules

__all__ = ["FoundLoops", "find_loops"]


@dataclass(frozen=True, kw_only=True)
class FoundLoops:
    """What a drive holds.

    Attributes:
        loops: accepted, in the order of time.
        every: the best loop of each image by the same rules without a threshold.
        latency: what looking took; None for no image.
        kept: images that were remembered at the end, and their bytes.
    """

    loops: tuple[LoopCandidate, ...]
    every: tuple[LoopCandidate, ...]
    latency: Latency | None
    kept: tuple[int, int]


def find_loops(
    rows: npt.NDArray[Any],
    times: npt.NDArray[np.float64],
    rules: LoopRules,
    *,
    capacity: int,
    step: Callable[[], object] = lambda: None,
) -> FoundLoops:
    """Return the loops of descriptors ``rows (N, D)`` taken at rising ``times (N,)``; NaN rows are images without one.

    ``step`` is called after each image.
    """
    detector = LoopDetector(rules=rules, capacity=capacity)
    open_ = detector if rules.distance is None else LoopDetector(rules=replace(rules, distance=None), capacity=capacity)
    loops: list[LoopCandidate] = []
    every: list[LoopCandidate] = []
    for row, time in zip(rows, times.tolist(), strict=True):
        values = np.asarray(row, dtype=np.float32)
        if not np.isfinite(values).all():
            for one in {id(detector): detector, id(open_): open_}.values():
                one.skip(time)
        else:
            found = detector.add_row(values, time)
            loops += found
            every += (found if open_ is detector else open_.add_row(values, time))[:1]
        step()
    return FoundLoops(
        loops=tuple(loops),
        every=tuple(every),
        latency=detector.latency,
        kept=(len(detector.memory), detector.memory.bytes),
    )
