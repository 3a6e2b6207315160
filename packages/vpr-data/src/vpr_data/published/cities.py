"""A split over several cities: each has metres of its own, and is searched alone where the protocol says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_data.places.splits import PlaceSplit

__all__ = ["APART", "CitiesSplit"]

Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

APART = 1e8
"""What lies between two cities in the third coordinate of ``points``: no radius reaches over, whatever their zones."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CitiesSplit(PlaceSplit):
    """A split whose images have ``points`` of easting, northing, and `APART` times the number of their city.

    Attributes:
        per_city: answers from other cities are taken out of a ranking: retrieval is per city.
        secret: nobody but the benchmark's server knows where the images were taken, and what is right: coordinates are
            far apart and mean nothing, there are answers, and no recall.
        unasked: names of images among the published queries that are not counted, as they have no right answer;
            answers of other tools may be of them nonetheless.
    """

    per_city: bool = True
    secret: bool = False
    unasked: tuple[str, ...] = ()

    def ignored(self, answers: Int64Array) -> BoolArray:
        """Return which answers are taken out: those from another city than the query's."""
        mask = super().ignored(answers)
        if self.per_city:
            known, asked = (images.metric_points[:, 2] for images in (self.database, self.queries))
            mask |= (known[answers] != asked[:, None]) & (answers >= 0)
        return mask

    def extent(self) -> float:
        """Return metres from one end of the largest city to the other."""
        sides = [images.metric_points for images in (self.database, self.queries) if len(images)]
        both = np.concatenate([np.zeros((0, 3)), *sides])
        cities = [both[both[:, 2] == city, :2] for city in np.unique(both[:, 2])]
        return max((float(np.ptp(city, axis=0).max()) for city in cities), default=0.0)
