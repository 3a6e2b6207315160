"""Grey levels of more than 8 bits brought to 8, with their contrast."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["eight_bits"]

SHARE = 4
"""A picture must fill a quarter of a scale for the scale to be believed."""


def eight_bits(grey: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return grey levels as uint8 of the same shape.

    A file says how many bits a level is stored in, not how many the camera has: 10-, 12- and 14-bit pictures come in
    16-bit files, thermal ones fill a few hundred levels of 65,536. So, in this order:

    1. whole numbers of at most 255 stand for themselves (8 bits in a wider file);
    2. levels that fill at least a quarter of their scale are divided by it: ``round(v / 257)`` for 16 bits (which is
       exact for 8-bit levels times 257), ``round(255 v)`` for fractions of 0 to 1, ``round(v)`` for fractions of up to
       255. The scale is the smallest of 1 (fractions only), 255 and 65,535 that holds the brightest level;
    3. all others are stretched from their own darkest to their own brightest: ``round(255 (v - low) / (high - low))``.
       The result is the same for ``a v + b`` as for ``v``, whatever ``a > 0`` and ``b``: the camera's bits do not
       matter.

    Darkest and brightest leave out one pixel in a thousand at either end (dead and hot ones). A picture of one level
    alone is scaled by 257.

    Raises:
        ValueError: whole numbers below 0 or above 65,535, or fractions that are not finite or all equal: no rule says
            what they mean.
    """
    whole = grey.dtype.kind in "iu"
    low, high = (grey.min(), grey.max()) if grey.size else (0, 0)
    if whole and (low < 0 or high > 65_535):
        raise ValueError("has 32-bit grey levels; convert it to 8 or 16 bits")
    if not whole and not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError("has floating-point grey levels; convert it to 8 or 16 bits")
    if whole and high <= 255:
        return grey.astype(np.uint8)
    values = grey.astype(np.float64)
    if not grey.size or low == high:
        return np.floor(values / 257 + 0.5).astype(np.uint8)
    bottom, top = np.percentile(values, [0.1, 99.9])
    scale = next((s for s in ((255, 65_535) if whole else (1, 255, 65_535)) if low >= 0 and high <= s), None)
    if scale is not None and top - bottom >= scale / SHARE:
        # 65535 / 255 is 257; half a level is rounded up, as in whole numbers.
        return np.floor(values * 255 / scale + 0.5).astype(np.uint8)
    if bottom == top:
        bottom, top = float(low), float(high)
    stretched: npt.NDArray[np.float64] = np.clip((values - bottom) / (top - bottom), 0, 1) * 255
    return np.floor(stretched + 0.5).astype(np.uint8)
