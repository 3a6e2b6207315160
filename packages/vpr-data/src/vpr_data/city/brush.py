"""Colours of many points at once are planes, ``(3, n)``: numpy is several times faster along long rows."""

from __future__ import annotations

import numpy as np

from vpr_data.city.draws import F32, I64, Bool

__all__ = ["Colour", "gather", "paint", "rgb"]

Colour = tuple[float, float, float]


def rgb(colour: Colour | float) -> F32:
    """A colour, or a grey, as a column ``(3, 1)``."""
    return np.broadcast_to(np.asarray(colour, dtype=np.float32).reshape(-1, 1), (3, 1))


def gather(colours: F32, index: I64) -> F32:
    """Columns of ``colours (3, B)``."""
    return colours.take(index, axis=1)


def paint(canvas: F32, mask: Bool, colour: F32, strength: float = 1.0) -> None:
    """Cover ``canvas (3, n)`` with ``colour`` ``(3, 1)`` or ``(3, n)`` where ``mask (n,)`` holds."""
    where = np.flatnonzero(mask)
    if not len(where):
        return
    fresh = colour if colour.shape[1] == 1 else colour.take(where, axis=1)
    if strength == 1.0:
        canvas[:, where] = fresh
    else:
        canvas[:, where] += (fresh - canvas.take(where, axis=1)) * np.float32(strength)
