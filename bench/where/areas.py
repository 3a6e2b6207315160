"""A network, an area, and what a map of the area's database answers to photos whose place is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.source import ImageSource
from vpr_runner.locate.asking import ask_others, leave_one_out, truth_of
from vpr_runner.locate.guess import spacing
from vpr_runner.maps.index import MapIndex
from vpr_runner.maps.opened import open_map
from vpr_runner.maps.write import write_map

if TYPE_CHECKING:
    from pathlib import Path

    from vpr_core import Registry, RunConfig
    from vpr_core.types import ImageSet
    from vpr_runner.locate.calibrate import Asked
    from vpr_runner.maps.places import Places
    from vpr_runner.network.retriever import Retriever

__all__ = ["Area", "asked_in"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Area:
    """The images of one area, what they answered, and the least spread of an estimate there, in metres."""

    places: Places
    asked: Asked
    floor: float


def asked_in(
    database: ImageSet,
    queries: ImageSet | None,
    retriever: Retriever,
    config: RunConfig,
    registry: Registry,
    *,
    folder: Path,
) -> Area:
    """Make a map of ``database`` in ``folder`` and ask it for ``queries``; None: for its own images, each left out."""
    write_map(retriever, database, output=folder, config=config, progress=False, registry=registry)
    opened = open_map(folder)
    index = MapIndex(opened.descriptors, folder=folder, index=config.index, registry=registry)
    if queries is None:
        asked = leave_one_out(opened, index, most=len(database))
    else:
        compute = replace(Compute.of(config.compute, config.image), on_bad_image="skip")
        rows, encoded = encode_all(retriever.to(compute.device), ImageSource(queries), compute=compute)
        good = [row for row in range(len(rows)) if row not in encoded.failures]
        asked = ask_others(opened, index, rows[good], truth_of(queries, opened)[good])
    return Area(places=opened.places, asked=asked, floor=spacing(opened.places) / 2)
