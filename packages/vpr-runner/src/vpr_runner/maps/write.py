"""From a network and images to a map: extraction, the table of places, the network itself, and the seal."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import vpr_data
from vpr_runner.exporting.stored import network_files, save_network
from vpr_runner.extraction.extract import ExtractResult, extract
from vpr_runner.extraction.manifest import ChunkRecord, Manifest, chunk_path
from vpr_runner.files import atomic
from vpr_runner.files.lock import folder_lock
from vpr_runner.files.seal import write_seal
from vpr_runner.maps.layout import EXTRAS, KIND, NETWORK_FOLDER, ORIGIN_FILE, PLACES_FILE
from vpr_runner.maps.places import Places

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_core.types import ImageSet
    from vpr_runner.network.retriever import Retriever

__all__ = ["seal_map", "write_map"]

log = logging.getLogger(__name__)


def write_map(
    retriever: Retriever,
    images: ImageSet,
    *,
    output: Path,
    config: RunConfig,
    positioned: bool = True,
    chunk: int = 1024,
    dtype: Literal["float32", "float16"] = "float32",
    verify: bool = True,
    network: bool = True,
    progress: bool = True,
    registry: Registry | None = None,
) -> ExtractResult:
    """Extract the descriptors of ``images`` to ``output`` and make that folder a map.

    The folder then holds all that answering takes: it may be moved to another machine and asked there.

    Args:
        retriever: the network; a copy goes into the map.
        images: the database.
        output: a new folder, or one of the same extraction, begun earlier; images that it does not hold are added.
        config: of the network, settings of the command line included.
        positioned: whether the positions of ``images`` mean anything.
        chunk: images a file.
        dtype: of the rows.
        verify: read the images of finished chunks again and compare their contents.
        network: write it; False: the one in the map, which is this one, stays as it is.
        progress: show a bar.
        registry: makes the engine.

    Raises:
        UsageError: see `vpr_runner.extraction.extract.extract`.
    """
    images = _known_first(images, output)
    result = extract(
        retriever,
        images,
        output=output,
        config=config,
        chunk=chunk,
        dtype=dtype,
        verify=verify,
        progress=progress,
        registry=registry,
        # Before the first chunk: a start that is stopped goes on with the very clusters that it learnt.
        begun=partial(save_network, retriever, output / NETWORK_FOLDER, config) if network else None,
    )
    places = Places.of(images, positioned=positioned)
    with folder_lock(output, purpose="vpr extract"):
        atomic.write_text(output / PLACES_FILE, places.to_csv())
        root = str(Path(getattr(images, "root", ".")).resolve())
        frame = None if places.frame is None else places.frame.to_json()
        runtime = {"runtime": dict(result.runtime)} if result.runtime else {}
        atomic.write_json(output / ORIGIN_FILE, {"root": root, "frame": frame, **runtime})
        seal_map(output)
    return result


def _known_first(images: ImageSet, output: Path) -> ImageSet:
    """Put the images that a map holds already where they are in it: new ones are added behind them."""
    manifest = Manifest.read(output)
    places = {name: place for place, name in enumerate(images.names)}
    if manifest is None or not isinstance(images, vpr_data.ImageSet) or not set(manifest.names) <= places.keys():
        return images
    known = [places[name] for name in manifest.names]
    return images.select([*known, *sorted(set(range(len(images))) - set(known))])


def seal_map(folder: Path) -> None:
    """Seal a map whose chunks are all there; several processes that share the work leave that to the last one."""
    manifest = Manifest.read(folder)
    records = [] if manifest is None else [ChunkRecord.read(folder, number) for number in range(manifest.chunks)]
    if manifest is None or None in records:
        log.info("%s: not all chunks are done; the start that finds them done seals the map", folder)
        return
    rows = {chunk_path(folder, n).name: record.sha256 for n, record in enumerate(records) if record is not None}
    names = [
        "manifest.json",
        PLACES_FILE,
        ORIGIN_FILE,
        *(f"{NETWORK_FOLDER}/{name}" for name in network_files(folder / NETWORK_FOLDER)),
    ]
    names += [*rows, *(chunk_path(folder, n).with_suffix(".json").name for n in range(manifest.chunks))]
    names += [extra for extra in EXTRAS if (folder / extra).is_file()]
    write_seal(folder, kind=KIND, files=names, known=rows)
