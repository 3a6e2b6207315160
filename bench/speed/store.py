"""Rows kept part by part, so that a stopped measurement goes on and parts may be measured one at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vpr_runner.files.atomic import write_json

__all__ = ["Store"]


class Store:
    """One JSON file for each finished part.

    Args:
        folder: where they lie.
        key: what a part's numbers depend on; a file with another key is not this measurement's.
    """

    def __init__(self, folder: Path, key: dict[str, Any]) -> None:
        self._folder, self._key = folder, json.loads(json.dumps(key))

    def get(self, part: str) -> list[dict[str, Any]] | None:
        """Return the rows of a part, or None where it is still to be measured."""
        try:
            content = json.loads((self._folder / f"{part}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(content, dict) or content.get("key") != self._key:
            return None
        rows: list[dict[str, Any]] = content["rows"]
        return rows

    def put(self, part: str, rows: list[dict[str, Any]]) -> None:
        """Keep the rows of a finished part."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_json(self._folder / f"{part}.json", {"key": self._key, "rows": rows})
