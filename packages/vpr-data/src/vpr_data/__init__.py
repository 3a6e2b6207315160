"""Visual place recognition data sets: folders, published sets, and a rendered city that needs no download."""

from __future__ import annotations

__all__: list[str] = []
__version__ = "0.1.0"
