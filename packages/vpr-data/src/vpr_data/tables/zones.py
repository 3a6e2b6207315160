"""UTM zones as tables write them: number and latitude band, number and hemisphere, or EPSG code."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from vpr_data.earth.utm import BANDS, utm_to_degrees

__all__ = ["degrees_of_zones", "parse_zones"]

Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PATTERN = re.compile(r"(\d{1,2})\s*(NORTH|SOUTH|[C-HJ-NP-X])")
EPSG = re.compile(r"(?:EPSG:?\s*)?32([67])(\d\d)")
"""WGS 84 / UTM: 326zz north, 327zz south of the equator."""
SLACK = 1.0
"""Degrees beyond its band that a northing may lie: one letter is often written for a set across the edge of two."""


def parse_zones(
    texts: Sequence[str], northing: Float64Array, where: Callable[[int], str]
) -> tuple[npt.NDArray[np.int64], BoolArray]:
    """Return the number of each row's zone, and whether it lies north of the equator.

    The letter is a latitude band (MGRS) or a hemisphere. ``N`` says north either way. ``S`` says 32 to 40 degrees north
    as a band and south as a hemisphere: it is the band only if every northing that bears it fits that.

    Raises:
        ValueError: a zone is not understood, or a northing cannot lie in its band; names the row.
    """
    numbers, letters = [], []
    for row, text in enumerate(texts):
        found, code = PATTERN.fullmatch(text.strip().upper()), EPSG.fullmatch(text.strip().upper())
        number, letter = (
            (found[1], found[2]) if found else (code[2], "NORTH" if code[1] == "6" else "SOUTH") if code else ("0", "")
        )
        if not 1 <= int(number) <= 60:
            raise ValueError(
                f"zone of {where(row)} is {text!r}; where a set spans several UTM zones, write number and "
                "latitude band, such as '17T', or number and hemisphere, such as '17 north'"
            )
        numbers.append(int(number))
        letters.append(letter)
    letter_of = np.array(letters)
    ambiguous = letter_of == "S"
    if ambiguous.any() and not _in_band("S", northing[ambiguous]).all():
        letter_of = np.where(ambiguous, "SOUTH", letter_of)
    for letter in sorted(set(letter_of.tolist()) - {"NORTH", "SOUTH", "N"}):
        rows = np.flatnonzero(letter_of == letter)
        outside = rows[~_in_band(letter, northing[rows])]
        if len(outside):
            first = int(outside[0])
            south, north = _band(letter)
            raise ValueError(
                f"zone of {where(first)} is {texts[first]!r} and its northing {northing[first]:,.0f} m, which cannot "
                f"both be true: band {letter} lies between latitudes {south:g} and {north:g} "
                f"({len(outside)} of {len(texts)} rows); correct the letter, or write the hemisphere: '17 south'"
            )
    north_of = np.isin(letter_of, ["NORTH", *(letter for letter in BANDS if letter >= "N")])
    return np.array(numbers, dtype=np.int64), north_of


def degrees_of_zones(
    x: Float64Array,
    y: Float64Array,
    *,
    zone: npt.NDArray[np.int64],
    north: BoolArray,
    where: Callable[[int], str],
) -> Float64Array:
    """Return latitude and longitude ``(N, 2)`` of UTM coordinates.

    Raises:
        ValueError: an easting or northing is none; names the row.
    """
    for what, values, low, high in (("x", x, -500_000, 1_500_000), ("y", y, -200_000, 10_200_000)):
        outside = np.flatnonzero((values < low) | (values > high))
        if len(outside):
            first = int(outside[0])
            raise ValueError(
                f"{what} of {where(first)} is {values[first]:,.0f}, which no UTM coordinate is "
                f"({len(outside)} of {len(values)} rows); UTM counts metres: {low:,} to {high:,}"
            )
    return np.stack(utm_to_degrees(x, y, zone=zone, north=north), axis=1)


def _band(letter: str) -> tuple[float, float]:
    south = -80.0 + 8 * BANDS.index(letter)
    return south, 84.0 if letter == "X" else south + 8


def _in_band(letter: str, northing: Float64Array) -> BoolArray:
    """Return which northings may lie in a band: by the central meridian, from which a zone's edges differ by 0.02."""
    north = letter >= "N"
    middle = np.full_like(northing, 500_000.0)
    latitude, _ = utm_to_degrees(middle, northing, zone=31, north=bool(north))
    low, high = _band(letter)
    unknown = np.isnan(northing)
    return np.asarray(unknown | ((latitude >= low - SLACK) & (latitude <= high + SLACK) & (northing < 10_200_000)))
