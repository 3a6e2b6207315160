"""Progress of long work: a bar on a terminal and in a notebook, a line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

__all__ = ["Progress", "drawn_bar"]

_SECONDS_BETWEEN_LINES = 30.0


def drawn_bar() -> Any:
    """Return the class of the bars that can be drawn where we are, or None: the output is a log.

    In a notebook tqdm's own widgets, where ipywidgets is installed, else its bar of text.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if "IPKernelApp" in getattr(shell, "config", ()):
        from tqdm.auto import tqdm as bar_of_notebook

        return bar_of_notebook
    return tqdm if sys.stderr.isatty() else None


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
        bar = drawn_bar()
        self._bar = bar(total=total, desc=label, unit=unit, leave=False, dynamic_ncols=True) if shown and bar else None
        self._lines = shown and bar is None

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
                f"{self.label}: {self.done}/{self.total} {_several(self.unit)}, {rate:.1f}/s, {left:.0f} s left"
                f"{', ' + note if note else ''}\n"
            )


def _several(unit: str) -> str:
    return f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"
