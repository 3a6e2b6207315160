"""Evaluation of visual place recognition: search, recall@N, average precision, whitening, intervals."""

from __future__ import annotations

__all__: list[str] = []
__version__ = "0.1.0"
