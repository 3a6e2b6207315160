"""Chunks compared with their SHA-256, by a thread of its own where other work goes on meanwhile."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from vpr_core import UsageError
from vpr_runner.extraction.manifest import ChunkRecord, Manifest, chunk_path

__all__ = ["Verifying", "verify_chunks"]


def verify_chunks(folder: Path, manifest: Manifest, *, stop: threading.Event | None = None) -> None:
    """Compare every chunk with its SHA-256, until ``stop`` is set.

    Raises:
        UsageError: names the damaged file.
    """
    for number in range(manifest.chunks):
        if stop is not None and stop.is_set():
            return
        record = ChunkRecord.read(folder, number)
        if record is None or not record.describes(folder, number, manifest):
            raise UsageError(
                f"{chunk_path(folder, number)} is damaged (its SHA-256 is not the recorded one); run "
                "`vpr extract` again, it replaces damaged chunks"
            )


class Verifying:
    """`verify_chunks`, begun now. Hashing releases the interpreter, so importing and encoding go on beside it.

    Whoever uses rows of the chunks waits for `result` first.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder, self._manifest = folder, manifest
        self._stop = threading.Event()
        self._whole = False
        self._thread = threading.Thread(target=self._run, name="vpr-verify", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(UsageError, OSError):  # `result` finds it again, and raises it where somebody listens
            verify_chunks(self._folder, self._manifest, stop=self._stop)
            self._whole = not self._stop.is_set()

    def result(self) -> None:
        """Wait until all are compared.

        Raises:
            UsageError: names the damaged file.
        """
        self._thread.join()
        if not self._whole:
            verify_chunks(self._folder, self._manifest)

    def stop(self) -> None:
        """Compare no more: nobody will ask."""
        self._stop.set()
        self._thread.join()
