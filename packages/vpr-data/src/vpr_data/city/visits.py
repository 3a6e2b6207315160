"""Visits: the same streets in other years, seasons, weathers and lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpr_data.city.draws import F32, keyed_rng

__all__ = ["VISITS", "Visit", "light_of", "visits_of"]

Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One drive through the city.

    Attributes:
        time: year and month as ``100 * year + month``.
        sun: azimuth (clockwise from north) and elevation in degrees.
        sunlight: colour and strength of direct light; zero under cloud.
        skylight: colour and strength of light from the whole sky.
        zenith: colour of the sky overhead.
        horizon: colour of the sky at the horizon.
        clouds: share of the sky that is clouded, 0..1.
        leaves: foliage, 0 bare .. 1 full.
        autumn: how far leaves have turned, 0..1.
        wet: rain on the ground, 0..1.
        snow: snow cover, 0..1.
        sight: distance in metres at which fog hides 63 % of the light.
        lamps: lamps and windows are lit, 0..1.
        people: passers-by and traffic, 1 = usual.
        warmth: white balance of the camera of that year; above 1 is warmer.
        contrast: tone curve of the camera of that year.
    """

    time: int
    sun: tuple[float, float]
    sunlight: Colour
    skylight: Colour
    zenith: Colour
    horizon: Colour
    clouds: float
    leaves: float = 1.0
    autumn: float = 0.0
    wet: float = 0.0
    snow: float = 0.0
    sight: float = 2500.0
    lamps: float = 0.0
    people: float = 1.0
    warmth: float = 1.0
    contrast: float = 1.0

    @property
    def year(self) -> int:
        """Calendar year."""
        return self.time // 100


VISITS: tuple[Visit, ...] = (
    Visit(  # a clear summer morning
        time=201007,
        sun=(105.0, 42.0),
        sunlight=(1.15, 1.05, 0.88),
        skylight=(0.40, 0.46, 0.56),
        zenith=(0.22, 0.42, 0.78),
        horizon=(0.68, 0.80, 0.92),
        clouds=0.25,
    ),
    Visit(  # an overcast autumn noon
        time=201210,
        sun=(180.0, 30.0),
        sunlight=(0.10, 0.10, 0.09),
        skylight=(0.74, 0.77, 0.80),
        zenith=(0.62, 0.66, 0.70),
        horizon=(0.80, 0.82, 0.84),
        clouds=1.0,
        leaves=0.7,
        autumn=0.9,
        contrast=0.92,
        sight=900.0,
    ),
    Visit(  # a spring afternoon
        time=201405,
        sun=(250.0, 36.0),
        sunlight=(1.15, 0.98, 0.76),
        skylight=(0.38, 0.43, 0.52),
        zenith=(0.26, 0.45, 0.76),
        horizon=(0.76, 0.82, 0.86),
        clouds=0.5,
        leaves=0.85,
        warmth=1.05,
        contrast=1.1,
    ),
    Visit(  # snow under a grey sky
        time=201601,
        sun=(170.0, 18.0),
        sunlight=(0.12, 0.12, 0.13),
        skylight=(0.70, 0.76, 0.86),
        zenith=(0.70, 0.74, 0.80),
        horizon=(0.86, 0.88, 0.90),
        clouds=1.0,
        leaves=0.0,
        snow=1.0,
        sight=500.0,
        people=0.6,
        warmth=0.96,
    ),
    Visit(  # a rainy November day
        time=201711,
        sun=(200.0, 15.0),
        sunlight=(0.04, 0.04, 0.04),
        skylight=(0.46, 0.49, 0.54),
        zenith=(0.40, 0.44, 0.50),
        horizon=(0.58, 0.61, 0.65),
        clouds=1.0,
        leaves=0.2,
        autumn=1.0,
        wet=0.8,
        sight=400.0,
        lamps=0.45,
        people=0.8,
        contrast=0.95,
    ),
    Visit(  # dusk in late summer
        time=201908,
        sun=(285.0, 9.0),
        sunlight=(0.62, 0.42, 0.24),
        skylight=(0.34, 0.34, 0.40),
        zenith=(0.22, 0.28, 0.50),
        horizon=(0.86, 0.62, 0.46),
        clouds=0.6,
        lamps=0.7,
        people=1.3,
        warmth=1.06,
    ),
    Visit(  # morning fog in March
        time=202103,
        sun=(120.0, 22.0),
        sunlight=(0.12, 0.11, 0.10),
        skylight=(0.68, 0.70, 0.71),
        zenith=(0.74, 0.76, 0.78),
        horizon=(0.80, 0.81, 0.82),
        clouds=1.0,
        leaves=0.1,
        sight=130.0,
        people=0.6,
        contrast=0.9,
    ),
    Visit(  # low winter sun
        time=202312,
        sun=(215.0, 14.0),
        sunlight=(1.10, 0.84, 0.55),
        skylight=(0.30, 0.36, 0.48),
        zenith=(0.30, 0.46, 0.74),
        horizon=(0.92, 0.84, 0.70),
        clouds=0.3,
        leaves=0.0,
        people=1.1,
        warmth=1.03,
        contrast=1.08,
    ),
)


def visits_of(seed: int) -> tuple[Visit, ...]:
    """The visits of one city: the sun of each stands a little elsewhere in every seed."""
    shifted = []
    for k, visit in enumerate(VISITS):
        turn, lift = keyed_rng(seed, k, 11).uniform((-15.0, -2.0), (15.0, 2.0))
        fields = {**vars(visit), "sun": (visit.sun[0] + float(turn), visit.sun[1] + float(lift))}
        shifted.append(Visit(**fields))
    return tuple(shifted)


def light_of(visit: Visit) -> F32:
    """Unit vector towards the sun."""
    azimuth, elevation = np.radians(visit.sun)
    return np.array(
        [np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation), np.sin(elevation)], dtype=np.float32
    )
