"""Laying one nested mapping over another, and filling ``${name}`` in its texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["fill", "laid_over", "unfilled"]

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def laid_over(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``overrides`` laid over it, block by block; neither is changed.

    A block that names its ``type`` takes the place of the old one whole: parameters of one component mean nothing to
    another. A block that does not changes the fields that it holds.

    >>> laid_over({"a": {"type": "x", "p": 1}, "b": 2}, {"a": {"q": 3}})
    {'a': {'type': 'x', 'p': 1, 'q': 3}, 'b': 2}
    >>> laid_over({"a": {"type": "x", "p": 1}}, {"a": {"type": "x", "q": 3}})
    {'a': {'type': 'x', 'q': 3}}
    """
    result = dict(base)
    for key, value in overrides.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and "type" not in value:
            result[key] = laid_over(old, value)
        else:
            result[key] = value
    return result


def fill(value: Any, values: Mapping[str, str]) -> Any:
    """Return ``value`` with every known ``${name}`` in its texts replaced; unknown ones stay.

    >>> fill({"root": "${data}/tower", "size": [96, 128]}, {"data": "/sets"})
    {'root': '/sets/tower', 'size': [96, 128]}
    """
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), value)
    if isinstance(value, Mapping):
        return {key: fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    return value


def unfilled(value: Any) -> set[str]:
    """Return the names of the placeholders that are still there.

    >>> unfilled(["${data}/x", {"y": "${other}"}]) == {"data", "other"}
    True
    """
    if isinstance(value, str):
        return set(_PLACEHOLDER.findall(value))
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return set().union(*(unfilled(item) for item in items))
