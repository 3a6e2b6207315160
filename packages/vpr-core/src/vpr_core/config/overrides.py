"""Dotted overrides of a run file: ``--set pooling.num_clusters=32``."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Sequence
from typing import Any

from vpr_core.config.strict_yaml import YamlDocument, parse_yaml
from vpr_core.errors import ConfigError, ConfigFault

__all__ = ["apply_overrides"]

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def apply_overrides(document: YamlDocument, overrides: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the document's data with ``overrides`` applied in order, and which override set which dotted path.

    The value is a YAML scalar or flow collection: ``train.lr=1e-4``, ``eval.recall_at=[1, 5]``,
    ``pooling={type: gem, p: 3}`` (replaces the block). A block that is null or absent is made. ``pooling.type=gem`` is
    GeM with its defaults where another layer stood: parameters of that one go, those of the command line stay.

    Raises:
        ConfigError: all overrides that cannot be applied.
    """
    data: dict[str, Any] = copy.deepcopy(document.data)
    faults: list[ConfigFault] = []
    by_path: dict[str, str] = {}
    for override in overrides:
        try:
            path, value = _split(override)
            if path[-1] == "type" and len(path) > 1:
                _begin_anew(data, path[:-1], value, given=by_path)
            _set(data, path, value)
            by_path[".".join(path)] = override
        except ValueError as error:
            faults.append(ConfigFault(path="", message=f"--set {override!r}: {error}"))
    if faults:
        raise ConfigError(faults, source="overrides")
    return data, by_path


def _split(override: str) -> tuple[list[str], Any]:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(_KEY.fullmatch(key) for key in keys):
        raise ValueError("write it as section.field=value, for example train.lr=1e-4")
    try:
        return keys, parse_yaml(text, source="value").data
    except ConfigError as error:
        said = "; ".join(fault.message for fault in error.faults)
        raise ValueError(f"{said}; the value is read as YAML, quote text that has colons or brackets") from error


def _begin_anew(data: dict[str, Any], path: Sequence[str], name: Any, *, given: Collection[str]) -> None:
    """Empty a component's block that becomes another component: its parameters are the former one's.

    What the command line itself says of the block stays, whether it stands before the name or behind it.
    """
    block: Any = data
    for key in path:
        block = block.get(key) if isinstance(block, dict) else None
    if isinstance(block, dict) and block.get("type") not in (None, name):
        here = ".".join(path)
        for field in [field for field in block if f"{here}.{field}" not in given]:
            del block[field]


def _set(data: dict[str, Any], path: Sequence[str], value: Any) -> None:
    block = data
    for depth, key in enumerate(path[:-1]):
        inner = block.get(key)
        if inner is None:
            inner = block[key] = {}
        if not isinstance(inner, dict):
            here = ".".join(path[: depth + 1])
            kind = "a list; set it whole" if isinstance(inner, list) else f"{inner!r}, which has no fields"
            raise ValueError(f"{here} is {kind}")
        block = inner
    block[path[-1]] = value
