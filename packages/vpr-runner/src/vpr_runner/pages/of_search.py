"""The page of `vpr search`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vpr_data.images.image_set import leaves_root
from vpr_runner.pages.shown import Point, Shown, ShownAnswer, ShownQuery

if TYPE_CHECKING:
    from vpr_runner.locate.located import Located
    from vpr_runner.maps.opened import Map

__all__ = ["of_search"]


def of_search(
    opened: Map,
    queries: Sequence[Path],
    found: Sequence[Located | None],
    *,
    images: Path | None = None,
    failures: Mapping[int, str] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Shown:
    """Return the page of some photos and the answers of a map.

    Args:
        opened: the map.
        queries: the photos.
        found: the answer to each; None: it could not be read.
        images: folder of the map's images, for their pictures; the user names it, never the map. None: without.
        failures: number and reason of photos that could not be read.
        provenance: what the numbers came from.
    """
    failures = failures or {}
    shown = []
    for number, (query, located) in enumerate(zip(queries, found, strict=True)):
        answers = [] if located is None else [_answer(a, images) for a in located.answers]
        shown.append(
            ShownQuery(
                name=query.name,
                file=query,
                answers=answers,
                estimate=None if located is None else _estimate(located),
                believed=None if located is None else located.believed,
                failure=failures.get(number),
            )
        )
    places = opened.places
    believed = [query.believed for query in shown]
    facts = [("photos", f"{len(shown):,}"), ("images in the map", f"{len(places.names):,}")]
    if any(one is not None for one in believed):
        facts.append(("believed", f"{sum(one is True for one in believed)} of {len(shown)}"))
    xy = places.xy
    return Shown(
        title="Where was this photo taken?" if len(shown) == 1 else "Where were these photos taken?",
        facts=facts,
        queries=shown,
        ground=np.zeros((0, 2)) if xy is None else xy,
        ground_degrees=places.degrees,
        provenance=provenance or {},
    )


def _answer(answer: Any, images: Path | None) -> ShownAnswer:
    place = answer.place
    inside = images is not None and not leaves_root(answer.image)
    return ShownAnswer(
        rank=answer.rank,
        name=answer.image,
        file=images / answer.image if images is not None and inside else None,
        distance=answer.distance,
        xy=_pair(place, "x", "y"),
        degrees=_pair(place, "lat", "lon"),
    )


def _estimate(located: Located) -> tuple[Point, Point | None, float] | None:
    here = _pair(located.position, "x", "y")
    if here is None or located.radius_m is None:
        return None
    return here, _pair(located.position, "lat", "lon"), located.radius_m


def _pair(place: Mapping[str, float], first: str, second: str) -> Point | None:
    return (place[first], place[second]) if first in place else None
