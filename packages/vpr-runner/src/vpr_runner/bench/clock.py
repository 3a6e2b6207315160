"""How long a suite has taken and will take, by what its cells of each stage took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

__all__ = ["Clock", "spoken"]


class Clock:
    """Estimates the time left from the cells that were run.

    Args:
        stages: stage of each cell that is still to be run, in order.
    """

    def __init__(self, stages: Sequence[str]) -> None:
        self._waiting = list(stages)
        self._took: dict[str, list[float]] = {}
        self._started = time.monotonic()

    def start(self) -> None:
        """The next cell begins."""
        self._started = time.monotonic()

    def stop(self) -> float:
        """The cell is done; returns its seconds."""
        seconds = time.monotonic() - self._started
        self._took.setdefault(self._waiting.pop(0), []).append(seconds)
        return seconds

    def left(self) -> float | None:
        """Return the seconds that the waiting cells will take; None while a stage of theirs has not been seen."""
        if any(stage not in self._took for stage in self._waiting):
            return None
        return sum(statistics.mean(self._took[stage]) for stage in self._waiting)


def spoken(seconds: float) -> str:
    """Return a time as a person says it.

    >>> spoken(8.2), spoken(95), spoken(4000)
    ('8 s', '1 min 35 s', '1 h 6 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
