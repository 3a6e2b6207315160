"""Whose weights a network started from, for the record of what was made with it."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from pathlib import PurePath
from typing import Any

__all__ = ["weights_of"]

_PATHS = ("file", "name")
_BEYOND = ("ignored",)
"""Tensors that a file holds for a classifier or above the cut: they say nothing of the result."""


def weights_of(backbone: Any) -> dict[str, Any]:
    """Return ``{"weights": ...}`` from a backbone's attribute ``origin``, empty where it has none or drew them itself.

    An origin is a dataclass: of a file its name and SHA-256, and which of its tensors were left; of a repository its
    name, commit and the SHA-256 of all tensors. Folders are left out: a record is for others, too.
    """
    origin = getattr(backbone, "origin", None)
    if origin is None or not is_dataclass(origin) or isinstance(origin, type):
        return {}
    said = {name: value for name, value in asdict(origin).items() if value and name not in _BEYOND}
    if said.get("kind") == "none":
        return {}
    for name in _PATHS:
        if isinstance(said.get(name), str):
            said[name] = PurePath(said[name]).name
    return {"weights": said} if said else {}
