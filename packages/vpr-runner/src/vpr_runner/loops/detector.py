"""Loop closures online: an image in, the places that it shows again out."""

from __future__ import annotations

import time as clock
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from vpr_runner.loops.memory import Memory
from vpr_runner.loops.rules import LoopCandidate, LoopRules

__all__ = ["Latency", "LoopDetector"]

CAPACITY = 20_000
REMEMBERED = 10_000
"""Latencies that are kept for the statistics."""

Image = Path | str | npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds an image took, over the last `REMEMBERED` images: describing, and looking for loops.

    Attributes:
        describe: median; None where descriptors were given.
        search: median.
        search_95: 95th percentile.
        images: how many these numbers rest on.
    """

    describe: float | None
    search: float
    search_95: float
    images: int

    def __str__(self) -> str:
        said = "" if self.describe is None else f"{self.describe:.1f} ms to describe an image, "
        return f"{said}{self.search:.2f} ms to look for loops (95 %: {self.search_95:.2f} ms), median of {self.images}"


class LoopDetector:
    """Says of each image of a drive which earlier places it shows, while the drive goes on.

    Memory is bounded: ``capacity`` descriptors (`vpr_runner.loops.memory.Memory`), whatever the length of the drive. An
    answer rests on this image and those before it, and is given at once: looking takes one product with what is
    remembered, ``O(capacity D)``; `latency` says what it took.

    Args:
        describe: gives the descriptor of an image; None: `add_row` is called with descriptors.
        rules: what makes a loop.
        capacity: descriptors that are remembered at most.

    Example:
        ``detector = LoopDetector.open("runs/first"); loops = detector.add(image, time)``
    """

    def __init__(
        self,
        describe: Callable[[Any], npt.NDArray[np.float32]] | None = None,
        *,
        rules: LoopRules | None = None,
        capacity: int = CAPACITY,
    ) -> None:
        self.rules = rules or LoopRules()
        self.memory = Memory(capacity=capacity)
        self.count = 0
        """Images so far."""
        self._describe = describe
        self._last: deque[tuple[float, npt.NDArray[np.float64]]] = deque(maxlen=self.rules.window)
        self._now = -np.inf
        self._described: deque[float] = deque(maxlen=REMEMBERED)
        self._searched: deque[float] = deque(maxlen=REMEMBERED)

    @classmethod
    def open(
        cls,
        model: Path | str,
        *,
        rules: LoopRules | None = None,
        capacity: int = CAPACITY,
        device: str | None = None,
        plugins: Sequence[Path] = (),
    ) -> Self:
        """Return a detector with the network of a run directory, a model file or a map.

        Without ``rules.distance`` the threshold is that of the map's calibration, where it has one.

        Raises:
            UsageError: nothing is there, or it is damaged.
        """
        from vpr_runner.loops.network import describer_of

        describe, threshold = describer_of(Path(model), device=device, plugins=plugins)
        rules = rules or LoopRules()
        if rules.distance is None and threshold is not None:
            rules = LoopRules(**{**vars(rules), "distance": min(2.0, threshold)})
        return cls(describe, rules=rules, capacity=capacity)

    def add(self, image: Image, time: float) -> tuple[LoopCandidate, ...]:
        """Take the next image and return the loops that it closes, nearest first.

        Args:
            image: file, or uint8 ``(H, W, 3)`` RGB.
            time: seconds, not before that of the image before.

        Raises:
            ImageDecodeError: the file cannot be read; the drive may go on without it.
            ValueError: the array is no image, or time runs backwards.
        """
        if self._describe is None:
            raise ValueError("this detector has no network; make it with LoopDetector.open(MODEL), or call add_row")
        begin = clock.perf_counter()
        row = self._describe(image)
        self._described.append(clock.perf_counter() - begin)
        return self.add_row(row, time)

    def add_row(self, row: npt.NDArray[Any], time: float) -> tuple[LoopCandidate, ...]:
        """Take the descriptor ``(D,)`` of the next image, and return the loops that it closes.

        Raises:
            ValueError: it is no finite vector of the others' length, or time runs backwards.
        """
        values = self._checked(row, time)
        begin = clock.perf_counter()
        near = self.memory.nearest(values, before=time - self.rules.exclude, count=self.rules.candidates)
        numbers, times, distances = near
        if self.rules.distance is not None:
            good = distances <= self.rules.distance
            numbers, times, distances = numbers[good], times[good], distances[good]
        self._last.append((time, times))
        found: list[LoopCandidate] = []
        for number, matched, distance in zip(numbers.tolist(), times.tolist(), distances.tolist(), strict=True):
            support = self._support(time, matched)
            if support >= self.rules.support and len(found) < self.rules.answers:
                found.append(
                    LoopCandidate(
                        query=self.count,
                        match=number,
                        query_time=float(time),
                        match_time=matched,
                        distance=distance,
                        support=support,
                    )
                )
        self.memory.keep(values, number=self.count, time=float(time))
        self.count += 1
        self._now = float(time)
        self._searched.append(clock.perf_counter() - begin)
        return tuple(found)

    def skip(self, time: float) -> None:
        """Count an image that could not be read: it has no candidates and is not remembered."""
        if time < self._now:
            raise ValueError(f"time runs backwards: {time:g} s after {self._now:g} s")
        self._last.append((time, np.zeros(0)))
        self.count += 1
        self._now = float(time)

    @property
    def latency(self) -> Latency | None:
        """What an image took; None before the first."""
        if not self._searched:
            return None
        searched = 1000 * np.array(self._searched)
        return Latency(
            describe=float(np.median(1000 * np.array(self._described))) if self._described else None,
            search=float(np.median(searched)),
            search_95=float(np.percentile(searched, 95)),
            images=len(searched),
        )

    def _support(self, time: float, matched: float) -> int:
        """Return how many of the last images, the newest included, have a candidate that agrees with ``matched``."""
        slack = self.memory.coarseness + 1e-9
        return sum(
            bool((np.abs(times - matched) <= self.rules.pace * (time - then) + slack).any())
            for then, times in self._last
        )

    def _checked(self, row: npt.NDArray[Any], time: float) -> npt.NDArray[np.float32]:
        values = np.asarray(row, dtype=np.float32).reshape(-1) if np.ndim(row) == 1 else None
        if values is None or not len(values) or not np.isfinite(values).all():
            raise ValueError(
                f"a descriptor is a finite vector, got shape {np.shape(row)} or values that are not finite"
            )
        if self.memory.dim not in (None, len(values)):
            raise ValueError(
                f"a descriptor of {len(values)} numbers after some of {self.memory.dim}; one network a drive"
            )
        if not np.isfinite(time):
            raise ValueError(f"time must be finite seconds, got {time}")
        if time < self._now:
            raise ValueError(f"time runs backwards: {time:g} s after {self._now:g} s")
        length = float(np.linalg.norm(values))
        return values / np.float32(length) if length > 0 else values
