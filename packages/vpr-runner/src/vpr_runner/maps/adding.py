"""Adding photos to a map: what lies in its folder of photos and is not in the map yet is computed, the rest is kept.

The folder of photos is the truth and the map is made of it by the same code as `vpr extract`, so a map that was added
to has the same bytes as one that is made of the whole folder in the same order, and what a killed addition left undone
is done by the next.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vpr_core import UsageError
from vpr_core.trust import refuse_foreign_choices
from vpr_data.tables.photos import open_photos
from vpr_runner.exporting.stored import load_network, network_config
from vpr_runner.extraction.manifest import Manifest
from vpr_runner.maps.layout import NETWORK_FOLDER, PLACES_FILE
from vpr_runner.maps.opened import read_places
from vpr_runner.maps.write import write_map

if TYPE_CHECKING:
    from vpr_core import Registry
    from vpr_data import ImageSet
    from vpr_runner.network.retriever import Retriever

__all__ = ["Added", "add_photos"]

ALIKE = 1e-6
"""Degrees by which a position in a map may differ from the photo's: it is written to seven digits."""


@dataclass(frozen=True, kw_only=True)
class Added:
    """What an addition did.

    Attributes:
        images: in the map now.
        new: names of those that were added, in the order of the map.
    """

    images: int
    new: tuple[str, ...]


def add_photos(
    folder: Path,
    photos: Path,
    registry: Registry,
    *,
    retriever: Retriever | None = None,
    device: str | None = None,
    progress: bool = False,
) -> Added:
    """Add to the map in ``folder`` what lies in the folder ``photos`` and is not in it yet; seal it again.

    Args:
        folder: of the map, made by `vpr extract MODEL PHOTOS -o MAP`; finished, or left by an addition that was killed.
        photos: the folder that it was made of; the user names it, never the map.
        registry: what is installed.
        retriever: the map's network, if it is loaded already.
        device: where it runs; None: as the map says.
        progress: show a bar.

    Raises:
        UsageError: there is no map, it was made of other images, or with positions from elsewhere.
        FileNotFoundError: there is no such folder of photos.
    """
    manifest = Manifest.read(folder)
    if manifest is None:
        raise UsageError(f"{folder}: no map there; `vpr extract MODEL {photos} -o {folder}` makes one")
    config = network_config(folder / NETWORK_FOLDER, registry)
    refuse_foreign_choices(config, registry, source=str(folder / NETWORK_FOLDER), kinds={"engine", "runtime"})
    if device is not None:
        config = config.model_copy(update={"compute": config.compute.model_copy(update={"device": device})})
    images = open_photos(photos).images
    new = _new(folder, photos, manifest, images)
    result = write_map(
        load_network(folder / NETWORK_FOLDER, registry)[0] if retriever is None else retriever,
        images,
        output=folder,
        config=config,
        positioned=images.located is None or bool(images.located.any()),
        chunk=manifest.chunk,
        dtype="float16" if manifest.dtype == "float16" else "float32",
        network=False,  # what trained it may not be installed here, and would be left out
        verify=False,  # each image that was there is not read again
        progress=progress,
        registry=registry,
    )
    return Added(images=result.images, new=new)


def _new(folder: Path, photos: Path, manifest: Manifest, images: ImageSet) -> tuple[str, ...]:
    """Return the names of the images that are not in the map, after a look whether the others are the same."""
    rows = {name: row for row, name in enumerate(images.names)}
    gone = next((name for name in manifest.names if name not in rows), None)
    if gone is not None:
        raise UsageError(
            f"{photos} holds no {gone}, which is in the map {folder}; name the folder that `vpr extract` made it of"
        )
    # A killed addition may have written the manifest and not yet the table.
    table = folder / PLACES_FILE
    text = table.read_text(encoding="utf-8") if table.is_file() else ""
    names = tuple(row.get("name", "") for row in csv.DictReader(io.StringIO(text)))
    places, _ = read_places(folder, names=names)
    here = [rows[name] for name in names if name in rows]
    if places.degrees is not None and images.degrees is not None and len(here) == len(names):
        apart = np.abs(places.degrees - images.degrees[here]).max(axis=1)
        both = np.isfinite(places.degrees).all(axis=1) == np.isfinite(images.degrees[here]).all(axis=1)
        wrong = np.flatnonzero(~both | (apart > ALIKE))
    else:
        other = places.located.any() and (places.degrees is None) != (images.degrees is None)
        wrong = np.arange(len(names) if other else 0)
    if len(wrong):
        raise UsageError(
            f"{folder}: {names[int(wrong[0])]} lies elsewhere in the map than {photos} says; photos can be added to a "
            "map whose positions are those in the photos, and not to one made along a track or of a table"
        )
    known = set(names)
    return tuple(name for name in images.names if name not in known)
