"""What layers here ask of their arguments, beside what `vpr_pooling.checks` has."""

from __future__ import annotations

import math

__all__ = ["check_at_least_zero", "check_number"]


def check_at_least_zero(name: str, value: int) -> int:
    """Return ``value`` if it is an integer of zero or more."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} must be an integer of 0 or more, got {value!r}")
    return value


def check_number(name: str, value: float) -> float:
    """Return ``value`` if it is finite and above zero."""
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
    return float(value)
