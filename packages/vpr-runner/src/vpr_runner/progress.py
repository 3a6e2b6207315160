"""Progress of long work: a bar on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

__all__ = ["Progress"]

_SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Counts ``unit`` done of ``total`` on stderr, with rate and time left.

    Args:
        total: how many there are.
        label: what is being done.
        unit: one word for one of them.
        shown: False prints nothing.
    """

    def __init__(self, total: int, label: str, *, unit: str = "image", shown: bool = True) -> None:
        self.total, self.label, self.unit = total, label, unit
        self.done = 0
        self._start = self._last_line = time.monotonic()
        terminal = sys.stderr.isatty()
        self._bar = (
            tqdm(total=total, desc=label, unit=unit, leave=False, dynamic_ncols=True) if shown and terminal else None
        )
        self._lines = shown and not terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, count: int = 1, note: str = "") -> None:
        """Say that ``count`` more are done."""
        self.done += count
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)
        elif self._lines and time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            rate = self.done / (self._last_line - self._start)
            left = (self.total - self.done) / rate
            sys.stderr.write(
                f"{self.label}: {self.done}/{self.total} {self.unit}s, {rate:.1f}/s, {left:.0f} s left"
                f"{', ' + note if note else ''}\n"
            )
