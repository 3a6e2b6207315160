"""What the constructors of losses and miners ask of their numbers."""

from __future__ import annotations

import math

__all__ = ["check_count", "check_margin"]


def check_margin(margin: float, *, name: str = "margin") -> float:
    """Return ``margin`` if it is finite and not negative."""
    if not (margin >= 0.0 and math.isfinite(margin)):
        raise ValueError(f"{name} must be a finite number of 0 or more, got {margin}")
    return float(margin)


def check_count(name: str, value: int, *, least: int = 1) -> int:
    """Return ``value`` if it is a whole number of at least ``least``."""
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be an integer of {least} or more, got {value!r}")
    return value
