"""Timing and memory: medians over interleaved repeats, and the peak of resident memory above where a call began."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Comparison", "Timing", "compare", "peak_memory"]


@dataclass(frozen=True)
class Timing:
    """Seconds of one contestant."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the repeats."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Comparison:
    """Contestants timed in turn: a, b, c, a, b, c, ... so that a slow minute of the machine hits all of them."""

    timings: Mapping[str, Timing]

    def ratio(self, slow: str, fast: str) -> tuple[float, float, float]:
        """Median, lowest and highest of ``slow / fast`` over the rounds."""
        rounds = [a / b for a, b in zip(self.timings[slow].seconds, self.timings[fast].seconds, strict=True)]
        return statistics.median(rounds), min(rounds), max(rounds)


def compare(contestants: Mapping[str, Callable[[], object]], *, repeats: int, warmup: int = 1) -> Comparison:
    """Time every contestant ``repeats`` times, in turn, after ``warmup`` unrecorded rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for round_number in range(warmup + repeats):
        for name, call in contestants.items():
            gc.collect()
            start = time.perf_counter()
            call()
            if round_number >= warmup:
                seconds[name].append(time.perf_counter() - start)
    return Comparison({name: Timing(tuple(values)) for name, values in seconds.items()})


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}: peak memory is measured on Linux only")


def peak_memory(call: Callable[[], object]) -> int:
    """Bytes of resident memory that one call needs at its peak, above what was resident before it."""
    call()  # allocators and thread pools settle first
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak (man 5 proc)
    before = _status("VmRSS")
    call()
    return max(0, _status("VmHWM") - before)
