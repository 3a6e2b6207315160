"""What the engine reports while it works, as lines on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["told"]


LEAVES = ("vpr_backbones", "vpr_data", "vpr_pooling", "vpr_losses", "vpr_eval", "vpr_sequences")


@contextmanager
def told(level: int) -> Iterator[None]:
    """Print what the loggers below ``vpr_runner`` report from ``level`` on, and the warnings of the leaves."""
    handler = _Lines(level)
    levels = {"vpr_runner": level, **dict.fromkeys(LEAVES, logging.WARNING)}
    before = {name: logging.getLogger(name).level for name in levels}
    for name, wanted in levels.items():
        logging.getLogger(name).setLevel(wanted)
        logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        for name, level_before in before.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(level_before)


class _Lines(logging.Handler):
    """Prints above a progress bar, if one is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        tqdm.write(f"{prefix}{record.getMessage()}", file=sys.stderr)
