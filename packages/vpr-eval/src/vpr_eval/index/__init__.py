"""Nearest-neighbour search over descriptors: exact by default, approximate by name."""

from __future__ import annotations

__all__: list[str] = []
