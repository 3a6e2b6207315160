"""Writing a resolved run file, and its fingerprint."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Collection
from typing import Any

import yaml

from vpr_core.config.run import SCHEDULING_FIELDS, RunConfig
from vpr_core.config.strict_yaml import plain_scalar

__all__ = ["config_hash", "dump_yaml", "to_yaml"]


def to_yaml(config: RunConfig) -> str:
    """Return the whole configuration, defaults included; read back it equals ``config`` exactly."""
    return dump_yaml(config.model_dump(mode="json"))


def dump_yaml(data: Any) -> str:
    """Return YAML that `vpr_core.config.parse_yaml` reads back to ``data`` (dicts with text keys, lists, scalars)."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def config_hash(config: RunConfig, *, leave_out: Collection[str] = ()) -> str:
    """SHA-256 (hexadecimal) of the resolved configuration, without the top-level fields in ``leave_out``.

    Equal configurations have equal hashes, however they were written down. Where work is scheduled
    (`SCHEDULING_FIELDS`) is left out always.
    """
    unknown = sorted(set(leave_out) - set(type(config).model_fields))
    if unknown:
        raise ValueError(f"leave_out must name fields of a run, got {', '.join(unknown)}")
    data = config.model_dump(mode="json", exclude={*leave_out, *SCHEDULING_FIELDS})
    for path, meant_before in _CAME_LATER.items():
        section = functools.reduce(lambda block, key: block.get(key, {}), path[:-1], data)
        if path[-1] in section and section[path[-1]] in meant_before:
            del section[path[-1]]
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


_CAME_LATER: dict[tuple[str, ...], tuple[Any, ...]] = {
    ("sequence",): (None,),
    ("rerank",): (None,),
    ("dataset", "drives"): (False,),
    ("compute", "runtime"): (None, {"type": "torch"}),
    ("eval", "test_method"): (None,),
    ("eval", "majority_weight"): (0.01,),
    ("eval", "scales"): ([1.0],),
    ("image", "short_side"): (None,),
    ("image", "max_side"): (None,),
    ("image", "multiple"): (1,),
    ("image", "interpolation"): ("bilinear",),
}
"""Blocks and fields that run files did not have at first, and the values that say what was done then: a hash does not
hold these, so that a run begun before is still the same run."""


class _Dumper(yaml.SafeDumper):
    """Writes what the strict loader reads back to the same value."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write a value that occurs twice twice: the loader refuses aliases."""
        return True


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value)
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")  # YAML 1.1, and so PyYAML, takes 1e-05 for text and would add a tag
    text = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Quote whatever YAML 1.2 would read as something else; PyYAML sees to what YAML 1.1 would."""
    style = None if _is_text(value) else "'"
    if not value.isprintable():
        style = '"'  # the only style in which every character can be escaped
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _is_text(value: str) -> bool:
    try:
        return isinstance(plain_scalar(value), str)
    except ValueError:
        return False


_Dumper.add_representer(float, _float)
_Dumper.add_representer(str, _text)
