"""What a runtime has learnt from images (int8), kept with what it computed: other images would be another network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vpr_runner.exporting.foreign import read_as_data
from vpr_runner.files import atomic

if TYPE_CHECKING:
    from vpr_runner.encoding.execution import Execution

__all__ = ["RUNTIME_FILE", "RuntimeFile"]

RUNTIME_FILE = "runtime.onnx"


@dataclass(frozen=True)
class RuntimeFile:
    """The file in the folder of an extraction or a map."""

    folder: Path

    def found(self) -> Path | None:
        """Return the file, looked at whether it is data only; None when there is none.

        Raises:
            UsageError: it is more than data.
        """
        path = self.folder / RUNTIME_FILE
        if not path.is_file():
            return None
        read_as_data(path)
        return path

    def keep(self, execution: Execution | None) -> None:
        """Copy what a runtime has learnt into the folder, before anything is computed with it."""
        learnt = None if execution is None else execution.calibrated
        target = self.folder / RUNTIME_FILE
        if learnt is not None and not target.is_file():
            atomic.write_bytes(target, learnt.read_bytes())
