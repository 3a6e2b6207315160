"""Finished cells on disk: one JSON file each, found again by what decides its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vpr_runner.atomic import write_json
from vpr_runner.bench.plan import Cell

__all__ = ["CellStore"]

FORMAT = 1


class CellStore:
    """The ``cells`` folder of a bench's output."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "cells"

    def find(self, cell: Cell) -> dict[str, Any] | None:
        """Return the stored result of exactly this cell, or None: not run yet, or run with another configuration."""
        path = self._folder / cell.file_name
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(stored, dict) or stored.get("format") != FORMAT or stored.get("key") != cell.key:
            return None
        return stored

    def keep(self, cell: Cell, outcome: dict[str, Any]) -> dict[str, Any]:
        """Write and return the cell's result; an older one under the same label is replaced."""
        stored = {"format": FORMAT, "key": cell.key, **outcome}
        write_json(self._folder / cell.file_name, stored)
        return stored
