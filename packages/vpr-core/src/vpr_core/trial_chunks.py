"""Chunks that cost nothing: what the engine contract has computed, in the place of images and a network.

Not in `vpr_core.testing`, whose import brings torch into every worker process.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["TrialWork", "run_chunk"]


def run_chunk(job: Mapping[str, Any], chunk: int) -> None:
    """Write the file of a chunk; or fail, or die, as the job says.

    Args:
        job: ``folder`` that files go to; ``text`` that they hold; ``fails``: chunks that raise `ValueError`; ``dies``:
            chunks whose process is killed the first time; ``driver``: the process that must not be killed.
        chunk: its number.
    """
    folder = Path(job["folder"])
    with (folder / "tries.txt").open("a", encoding="utf-8") as file:  # appending a short line is atomic
        file.write(f"{chunk} {os.getpid()}\n")
    if chunk in job["fails"]:
        raise ValueError(f"chunk {chunk} cannot be computed")
    if chunk in job["dies"] and os.getpid() != job["driver"]:
        try:
            (folder / f"died-{chunk}").touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    temporary = folder / f".partial-{chunk}-{os.getpid()}"
    temporary.write_text(job["text"], encoding="utf-8")
    temporary.replace(folder / f"{chunk:06d}")


class TrialWork:
    """A `vpr_core.engines.ChunkWork` over `run_chunk`.

    Attributes:
        asked: how often the job was asked for.
        finished: chunks that the engine said were done, in its order.
        early: chunks of which it said so before their file was there.
    """

    def __init__(self, folder: Path, chunks: Sequence[int], *, fails: Sequence[int] = (), dies: Sequence[int] = ()):
        self.chunks = tuple(chunks)
        self.asked = 0
        self.finished: list[int] = []
        self.early: list[int] = []
        self._folder = folder
        self._job = {
            "folder": str(folder),
            "text": "Bücher\n",
            "fails": list(fails),
            "dies": list(dies),
            "driver": os.getpid(),
        }

    @property
    def job(self) -> Mapping[str, Any]:
        """What `run_chunk` needs."""
        self.asked += 1
        return self._job

    @property
    def run(self) -> Callable[[Mapping[str, Any], int], None]:
        """`run_chunk`."""
        return run_chunk

    def run_here(self, chunk: int) -> None:
        """Compute a chunk in this process."""
        run_chunk(self._job, chunk)

    def done(self, chunk: int) -> None:
        """Remember that the engine said so."""
        self.finished.append(chunk)
        if chunk not in self.written:
            self.early.append(chunk)

    @property
    def written(self) -> dict[int, str]:
        """Text of each chunk that is there."""
        names = [path for path in self._folder.iterdir() if path.name.isdecimal()]
        return {int(path.name): path.read_text(encoding="utf-8") for path in names}

    @property
    def tried(self) -> list[int]:
        """Chunks in the order in which they were begun."""
        file = self._folder / "tries.txt"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [int(line.split()[0]) for line in lines]
