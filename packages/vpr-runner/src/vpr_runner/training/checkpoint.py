"""Checkpoints that survive ``kill -9``, full disks and flipped bits.

A checkpoint is one ``torch.save`` of tensors and plain Python, loaded with ``weights_only=True``. It is written to a
temporary file, flushed and renamed; its SHA-256 lies beside it. The newest one that is whole is taken, with a warning
when a newer one is not.
"""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from vpr_runner.files import atomic

__all__ = ["FORMAT", "Checkpoints"]

FORMAT = 1
_NAME = re.compile(r"checkpoint-(\d{8})\.pt")
log = logging.getLogger(__name__)


class Checkpoints:
    """The last ``keep`` checkpoints of a run, in one folder."""

    def __init__(self, folder: Path, *, keep: int) -> None:
        if keep < 1:
            raise ValueError(f"keep is {keep}; at least 1 checkpoint must be kept")
        self.folder, self.keep = folder, keep

    def save(self, state: Mapping[str, Any]) -> Path:
        """Write ``state`` as the newest checkpoint and delete those beyond ``keep``."""
        numbers = self._numbers()
        path = self._path(numbers[-1] + 1 if numbers else 1)
        buffer = io.BytesIO()
        torch.save({"format": FORMAT, **state}, buffer)
        content = buffer.getvalue()
        # The digest first: a kill between the two leaves a digest without a checkpoint, which nobody looks at.
        atomic.write_text(path.with_suffix(".sha256"), hashlib.sha256(content).hexdigest() + "\n")
        atomic.write_bytes(path, content)
        for number in [*numbers, numbers[-1] + 1 if numbers else 1][: -self.keep]:
            self._remove(number)
        return path

    def newest(self) -> dict[str, Any] | None:
        """Return the newest whole state, or None when there is no checkpoint.

        Broken ones are skipped with a warning and set aside as ``*.broken``, so that their numbers are free again.

        Raises:
            PermissionError: one may not be read, which says nothing about its content.
        """
        for number in reversed(self._numbers()):
            path = self._path(number)
            try:
                return self._read(path)
            except PermissionError:
                raise
            except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
                log.warning("%s is not whole (%s); going back to the checkpoint before", path, error)
                path.rename(path.with_suffix(".broken"))
        return None

    def clear(self) -> None:
        """Delete all."""
        for number in self._numbers():
            self._remove(number)

    def _read(self, path: Path) -> dict[str, Any]:
        content = path.read_bytes()
        expected = path.with_suffix(".sha256").read_text().strip()
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise ValueError(f"its SHA-256 is {found[:12]}..., expected {expected[:12]}...")
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise ValueError(f"format {FORMAT} expected")
        return state

    def _numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        matches = (_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def _path(self, number: int) -> Path:
        return self.folder / f"checkpoint-{number:08d}.pt"

    def _remove(self, number: int) -> None:
        path = self._path(number)
        path.unlink(missing_ok=True)
        path.with_suffix(".sha256").unlink(missing_ok=True)
