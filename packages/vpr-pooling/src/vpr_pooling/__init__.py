"""Pooling layers for visual place recognition: NetVLAD exactly as published, GeM, max, average."""

from __future__ import annotations

__all__: list[str] = []
__version__ = "0.1.0"
