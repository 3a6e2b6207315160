"""Universal Transverse Mercator on WGS84, both ways.

Series of Krueger 1912 in the third flattening ``n`` to fourth order (Karney 2011, arXiv:1002.1417, eq. 7 to 14 and 35
to 41), right to ten micrometres within a zone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vpr_data.earth.geo import E2, A, F

__all__ = ["BANDS", "band_of", "degrees_to_utm", "utm_to_degrees"]

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

K0, FALSE_EASTING, FALSE_NORTHING = 0.9996, 500_000.0, 10_000_000.0
"""Scale on the central meridian and offsets of UTM."""
BANDS = "CDEFGHJKLMNPQRSTUVWX"
"""Letters of the latitude bands, eight degrees each from 80 south; the last one, X, has twelve."""
N3 = F / (2 - F)
RADIUS = A / (1 + N3) * (1 + N3**2 / 4 + N3**4 / 64)


def band_of(latitude: float) -> str:
    """Return the letter of the latitude band; '' outside UTM (80 south to 84 north)."""
    return BANDS[min(int((latitude + 80) // 8), len(BANDS) - 1)] if -80 <= latitude <= 84 else ""


def degrees_to_utm(
    latitude: Float64Array, longitude: Float64Array, *, zone: Int64Array | int, north: BoolArray | bool
) -> tuple[Float64Array, Float64Array]:
    """Return easting and northing in metres of a point in the given zone and hemisphere, which need not be its own."""
    alpha = (
        N3 / 2 - 2 * N3**2 / 3 + 5 * N3**3 / 16 + 41 * N3**4 / 180,
        13 * N3**2 / 48 - 3 * N3**3 / 5 + 557 * N3**4 / 1440,
        61 * N3**3 / 240 - 103 * N3**4 / 140,
        49_561 * N3**4 / 161_280,
    )
    e = np.sqrt(E2)
    phi = np.radians(latitude)
    lam = np.radians((longitude - (6.0 * np.asarray(zone) - 183.0) + 180.0) % 360.0 - 180.0)
    t = np.sinh(np.arctanh(np.sin(phi)) - e * np.arctanh(e * np.sin(phi)))
    xi_0, eta_0 = np.arctan2(t, np.cos(lam)), np.arcsinh(np.sin(lam) / np.hypot(t, np.cos(lam)))
    xi, eta = xi_0.copy(), eta_0.copy()
    for j, a in enumerate(alpha, start=1):
        xi = xi + a * np.sin(2 * j * xi_0) * np.cosh(2 * j * eta_0)
        eta = eta + a * np.cos(2 * j * xi_0) * np.sinh(2 * j * eta_0)
    return FALSE_EASTING + K0 * RADIUS * eta, K0 * RADIUS * xi + np.where(north, 0.0, FALSE_NORTHING)


def utm_to_degrees(
    easting: Float64Array, northing: Float64Array, *, zone: Int64Array | int, north: BoolArray | bool
) -> tuple[Float64Array, Float64Array]:
    """Return latitude and longitude in degrees of UTM coordinates.

    Args:
        easting: metres, ``(N,)``.
        northing: metres, ``(N,)``.
        zone: 1 to 60.
        north: whether on the northern hemisphere.
    """
    beta = (
        N3 / 2 - 2 * N3**2 / 3 + 37 * N3**3 / 96 - N3**4 / 360,
        N3**2 / 48 + N3**3 / 15 - 437 * N3**4 / 1440,
        17 * N3**3 / 480 - 37 * N3**4 / 840,
        4397 * N3**4 / 161_280,
    )
    delta = (
        2 * N3 - 2 * N3**2 / 3 - 2 * N3**3 + 116 * N3**4 / 45,
        7 * N3**2 / 3 - 8 * N3**3 / 5 - 227 * N3**4 / 45,
        56 * N3**3 / 15 - 136 * N3**4 / 35,
        4279 * N3**4 / 630,
    )
    xi = (northing - np.where(north, 0.0, FALSE_NORTHING)) / (K0 * RADIUS)
    eta = (easting - FALSE_EASTING) / (K0 * RADIUS)
    xi_0, eta_0 = xi.copy(), eta.copy()
    for j, b in enumerate(beta, start=1):
        xi = xi - b * np.sin(2 * j * xi_0) * np.cosh(2 * j * eta_0)
        eta = eta - b * np.cos(2 * j * xi_0) * np.sinh(2 * j * eta_0)
    chi = np.arcsin(np.sin(xi) / np.cosh(eta))
    phi = chi + sum(d * np.sin(2 * j * chi) for j, d in enumerate(delta, start=1))
    lam = np.arctan2(np.sinh(eta), np.cos(xi))
    return np.degrees(phi), (np.degrees(lam) + 6.0 * np.asarray(zone) - 183.0 + 180.0) % 360.0 - 180.0
