"""The vpr command: train, evaluate, extract, search and bench any combination of registered components."""

from __future__ import annotations

__all__: list[str] = []
__version__ = "0.1.0"
