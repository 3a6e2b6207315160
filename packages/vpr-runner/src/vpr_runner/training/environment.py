"""``environment.json`` of a run directory: what the run was begun with, and every later start on something else."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vpr_runner.files import atomic
from vpr_runner.files.documents import parsed
from vpr_runner.files.provenance import provenance, told_apart

__all__ = ["describe_start", "describe_weights", "starts_of"]

_NAME, _LATER = "environment.json", "later"
_OF_A_START = ("date", "code", "hardware", "versions")
log = logging.getLogger(__name__)


def describe_start(folder: Path) -> None:
    """Record what is at work now; say so when the run was begun with something else."""
    now, before = provenance(), starts_of(folder)
    if not before:
        atomic.write_json(folder / _NAME, now)
        return
    if len(told_apart([*before, now])) == len(told_apart(before)):
        return
    content = _read(folder)
    atomic.write_json(folder / _NAME, {**content, _LATER: [*content.get(_LATER, []), now]})
    changed = "; ".join(_changes(before[-1], now))
    log.warning("%s goes on with other than it was begun with: %s; both are in %s", folder, changed, _NAME)


def describe_weights(folder: Path, found: Mapping[str, Any]) -> None:
    """Record whose weights the network starts from."""
    atomic.write_json(folder / _NAME, {**_read(folder), **found})


def starts_of(folder: Path) -> list[dict[str, Any]]:
    """Return what the run was trained with: one entry, or one for each start that was on something else."""
    content = _read(folder)
    later = content.get(_LATER, [])
    starts = [content, *(later if isinstance(later, list) else [])]
    return [
        {key: start[key] for key in _OF_A_START}
        for start in starts
        if isinstance(start, dict) and all(key in start for key in _OF_A_START)
    ]


def _read(folder: Path) -> dict[str, Any]:
    """A record that is gone or damaged says nothing: the run does not depend on it."""
    try:
        content = parsed((folder / _NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _changes(old: Any, new: Any, path: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in dict.fromkeys([*old, *new]) if path or key != "date"]
        return [line for key in keys for line in _changes(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))]
    return [] if old == new else [f"{path} was {old}, is {new}"]
