"""The engine ``local``: this process, one chunk after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_core.engines import ChunkWork

__all__ = ["LocalEngine"]


class LocalEngine:
    """Computes every chunk here; under ``torchrun`` each process has its own share of them."""

    def run(self, work: ChunkWork, *, done: Callable[[int], None]) -> None:
        """Compute the chunks in order."""
        for chunk in work.chunks:
            work.run_here(chunk)
            done(chunk)
