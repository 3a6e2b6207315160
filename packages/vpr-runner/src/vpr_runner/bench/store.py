"""Finished cells on disk: one JSON file each, found again by what decides its numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vpr_runner.bench.plan import Cell
from vpr_runner.files.atomic import write_json
from vpr_runner.files.documents import parsed

__all__ = ["CellStore", "digest"]

FORMAT = 2


def digest(cell: Mapping[str, Any]) -> str:
    """Return the SHA-256 that is stored beside a cell: with one bit of a digit flipped it would be another recall."""
    return hashlib.sha256(json.dumps(cell, sort_keys=True).encode()).hexdigest()


class CellStore:
    """The ``cells`` folder of a bench's output."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cells"

    def find(self, cell: Cell) -> dict[str, Any] | None:
        """Return the stored result of exactly this cell, or None: not run, run with another configuration, damaged."""
        path = self._folder / cell.file_name
        try:
            file = parsed(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        stored = file.get("cell") if isinstance(file, dict) and file.get("format") == FORMAT else None
        if not isinstance(stored, dict) or file.get("sha256") != digest(stored) or stored.get("key") != cell.key:
            return None
        return stored

    def keep(self, cell: Cell, outcome: dict[str, Any]) -> dict[str, Any]:
        """Write and return the cell's result; an older one under the same label is replaced."""
        stored = {"key": cell.key, **outcome}
        file = {"format": FORMAT, "sha256": digest(stored), "cell": stored}
        write_json(self._folder / cell.file_name, file)
        return stored
