"""Timing and memory: medians over interleaved repeats, and the peak of memory above where a call began."""

from __future__ import annotations

import ctypes
import gc
import statistics
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Comparison", "Effort", "Timing", "compare", "own_memory", "peak_memory", "status_bytes"]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured.

    Attributes:
        device: where the network parts run; ``cpu`` or ``cuda``.
        repeats: recorded rounds of the short measurements; long ones take fewer.
        quick: tiny inputs, to see that every row works; the numbers mean nothing.
    """

    device: str = "cpu"
    repeats: int = 5
    quick: bool = False

    def rounds(self, share: float = 1.0) -> int:
        """Return recorded rounds of a measurement that takes about ``1 / share`` times as long as a short one."""
        return max(1, int(self.repeats * share))

    def size(self, full: int, quick: int) -> int:
        """Return the full or the tiny size."""
        return quick if self.quick else full


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
    """Contestants timed in turn: a, b, c, a, b, c, ... so that a slow minute of the machine hits all of them.

    Attributes:
        timings: recorded rounds of each.
        warmup: unrecorded rounds before them.
    """

    timings: Mapping[str, Timing]
    warmup: int = 1

    @property
    def repeats(self) -> int:
        """Recorded rounds."""
        return len(next(iter(self.timings.values())).seconds)

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
            _synchronize()
            start = time.perf_counter()
            call()
            _synchronize()
            if round_number >= warmup:
                seconds[name].append(time.perf_counter() - start)
    return Comparison({name: Timing(tuple(values)) for name, values in seconds.items()}, warmup)


def _synchronize() -> None:
    """Wait for what was started on a GPU."""
    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def status_bytes(field: str) -> int:
    """Return a size that ``/proc/self/status`` tells of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}: peak memory is measured on Linux only")


def _give_back() -> None:
    """Return memory that was freed to the kernel, as glibc does not by itself: a call that takes it would need none."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def peak_memory(call: Callable[[], object], *, device: str = "cpu", warmup: bool = True) -> int:
    """Bytes that one call needs at its peak, above what was held before it: resident memory, or the GPU's.

    Pages of files that were mapped count while they are resident; the kernel may take them back at any time.
    """
    if warmup:
        call()  # allocators and thread pools settle first
    gc.collect()
    if device == "cuda":
        import torch

        torch.cuda.synchronize()
        held = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        call()
        torch.cuda.synchronize()
        return int(torch.cuda.max_memory_allocated() - held)
    _give_back()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak (man 5 proc)
    before = status_bytes("VmRSS")
    call()
    return max(0, status_bytes("VmHWM") - before)


def own_memory(call: Callable[[], object], *, every: float = 0.005) -> int:
    """Bytes that one call needs at its peak, above what was held before it, without the pages of files that it maps.

    The kernel keeps no peak of these: they are looked at ``every`` so many seconds.
    """
    _give_back()
    before = status_bytes("RssAnon")
    seen, over = [before], threading.Event()

    def watch() -> None:
        while not over.wait(every):
            seen[0] = max(seen[0], status_bytes("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        call()
    finally:
        over.set()
        watcher.join()
    return seen[0] - before
