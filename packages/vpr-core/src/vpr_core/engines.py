"""What crosses the border to an engine: chunks of work on one side, wherever they are computed on the other.

Like `vpr_core.types`, structural: neither side imports the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

__all__ = ["ChunkWork", "Engine"]


class ChunkWork(Protocol):
    """Chunks that are to be computed, and two ways to do it.

    Computing a chunk leaves its files and nothing else; they appear whole or not at all. So doing a chunk twice, even
    at once, is harmless, and a chunk whose worker was lost is simply done again.
    """

    @property
    def chunks(self) -> Sequence[int]:
        """Numbers of the chunks that are missing, rising; there is at least one."""
        ...

    @property
    def job(self) -> Mapping[str, Any]:
        """What `run` needs beside a number: plain data (what JSON can say), made when first asked for.

        It names folders and files, so a worker must see the same file system under the same paths.
        """
        ...

    @property
    def run(self) -> Callable[[Mapping[str, Any], int], None]:
        """``run(job, chunk)`` computes a chunk in any process that can import this function.

        What it loads for the first chunk of a job it keeps for the next: give one process many chunks of one job.
        """
        ...

    def run_here(self, chunk: int) -> None:
        """Compute a chunk in this process, where everything is loaded."""
        ...


class Engine(Protocol):
    """Decides where and when the chunks of an extraction are computed, never how."""

    def run(self, work: ChunkWork, *, done: Callable[[int], None]) -> None:
        """Compute every chunk of ``work.chunks``, in any order, and return when all are done.

        ``done(chunk)`` is called in this process and thread, once for each chunk, after it was computed: it moves the
        progress bar. An exception out of ``work.run`` stops the work and comes out of here as it was; chunks under way
        may still end. A worker that is lost (killed, out of memory, its machine gone) costs its chunk another try.
        """
        ...
