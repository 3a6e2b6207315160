"""Extraction on a Ray cluster. Installing this distribution is enough: ``engine: {type: ray}`` in a run file."""

from __future__ import annotations

__all__: list[str] = []
