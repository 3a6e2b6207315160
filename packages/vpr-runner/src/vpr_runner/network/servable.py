"""A model file on a machine that has not everything installed which its network was trained with."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core.config import BLOCKS

if TYPE_CHECKING:
    from vpr_core import Registry

__all__ = ["servable"]

log = logging.getLogger(__name__)


def servable(blocks: Any, registry: Registry, file: Path) -> Any:
    """Leave out what only trained, searched or watched the network and is not installed here; the default, or nothing,
    takes its place.
    """
    if not isinstance(blocks, dict):
        return blocks
    kept = {key: dict(value) if isinstance(value, dict) else value for key, value in blocks.items()}
    for block in BLOCKS.values():
        if block.default is None and not block.optional and not block.many:
            continue
        *outer, last = block.path
        section: Any = kept
        for key in outer:
            section = section.get(key) if isinstance(section, dict) else None
        if not isinstance(section, dict) or last not in section:
            continue
        installed = [spec.name for spec in registry.specs(block.kind)]
        listed = section[last] if block.many and isinstance(section[last], list) else [section[last]]
        missing = [item.get("type") for item in listed if isinstance(item, dict) and item.get("type") not in installed]
        for name in missing:
            instead = f"the default, {block.default!r}, is taken" if block.default in installed else "it is left out"
            log.warning("%s: %s %r is not installed here; %s", file, block.kind, name, instead)
        if missing and block.many:
            section[last] = [item for item in listed if isinstance(item, dict) and item.get("type") in installed]
        elif missing:
            del section[last]
    return kept
