"""Writing a resolved run file, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any

import yaml

from vpr_core.config.run import RunConfig

__all__ = ["config_hash", "to_yaml"]


class _Dumper(yaml.SafeDumper):
    """Writes what the strict loader reads back to the same value."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(value))


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    from vpr_core.config.strict_yaml import plain_scalar

    # YAML 1.1 and 1.2 disagree on what is text: quote whatever either would read as something else.
    quoted = not isinstance(_try(plain_scalar, value), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="'" if quoted else None)


def _try(function: Any, value: str) -> Any:
    try:
        return function(value)
    except ValueError:
        return None


_Dumper.add_representer(float, _float)
_Dumper.add_representer(str, _text)


def to_yaml(config: RunConfig) -> str:
    """Return the whole configuration, defaults included; read back it equals ``config`` exactly."""
    data = config.model_dump(mode="json")
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def config_hash(config: RunConfig, *, leave_out: Collection[str] = ()) -> str:
    """SHA-256 (hexadecimal) of the resolved configuration, without the top-level fields in ``leave_out``.

    Equal configurations have equal hashes, however they were written down.
    """
    data = config.model_dump(mode="json", exclude=set(leave_out))
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
