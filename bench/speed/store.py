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
        content = self._content(part)
        return None if content is None else content["rows"]

    def how(self, part: str) -> dict[str, Any]:
        """Return what was kept beside the rows of a part; nothing where it is still to be measured."""
        content = self._content(part)
        return {} if content is None else content.get("how", {})

    def put(self, part: str, rows: list[dict[str, Any]], how: dict[str, Any] | None = None) -> None:
        """Keep the rows of a finished part, and beside them where they come from."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_json(self._folder / f"{part}.json", {"key": self._key, "how": how or {}, "rows": rows})

    def _content(self, part: str) -> dict[str, Any] | None:
        try:
            content = json.loads((self._folder / f"{part}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(content, dict) or content.get("key") != self._key:
            return None
        return content
