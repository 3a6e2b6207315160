"""Feature extractors for visual place recognition: torchvision, timm and a tiny CNN, cut at a named stage."""

from __future__ import annotations

__all__: list[str] = []
__version__ = "0.1.0"
