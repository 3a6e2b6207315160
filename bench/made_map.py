"""A map whose descriptors are made up: what answering costs depends on how many there are, not on what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vpr_data import Frame
from vpr_runner.extraction.manifest import ChunkRecord, Manifest, chunk_path
from vpr_runner.files import atomic
from vpr_runner.maps.places import Places
from vpr_runner.maps.write import NETWORK_FOLDER, ORIGIN_FILE, PLACES_FILE, seal_map
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.storage import fingerprint, save_retriever

if TYPE_CHECKING:
    from pathlib import Path

    from vpr_core import RunConfig
    from vpr_runner.network.retriever import Retriever

__all__ = ["made_map"]

CHUNK = 1024


def made_map(folder: Path, retriever: Retriever, config: RunConfig, *, images: int, seed: int = 0) -> Path:
    """Write a map of ``images`` made-up unit rows, ten metres apart on a grid, with the network in it."""
    generator = np.random.default_rng(seed)
    names = tuple(f"{number:06d}.jpg" for number in range(images))
    manifest = Manifest(
        fingerprint=fingerprint(retriever, Architecture.of(config)),
        dim=retriever.out_dim,
        size=config.image.size and (config.image.size[0], config.image.size[1]),
        precision=config.compute.precision,
        chunk=CHUNK,
        dtype="float32",
        names=names,
        bytes=(1,) * images,
    )
    manifest.write(folder)
    for number in range(manifest.chunks):
        rows = generator.standard_normal((len(manifest.rows_of(number)), manifest.dim), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        np.save(chunk_path(folder, number), rows, allow_pickle=False)
        ChunkRecord(
            sha256=atomic.sha256_of(chunk_path(folder, number)),
            images="0" * 64,
            rows=len(rows),
            fingerprint=manifest.fingerprint,
            failures={},
        ).write(folder, number)
    frame = Frame.local(latitude=48.2, longitude=16.37)
    side = int(np.ceil(np.sqrt(images)))
    xy = 10.0 * np.stack(np.divmod(np.arange(images), side), axis=1).astype(np.float64)
    places = Places(names=names, degrees=frame.to_degrees(xy), xy=xy, frame=frame)
    atomic.write_text(folder / PLACES_FILE, places.to_csv())
    atomic.write_json(folder / ORIGIN_FILE, {"root": None, "frame": frame.to_json()})
    save_retriever(retriever, folder / NETWORK_FOLDER, config, alone=True)
    seal_map(folder)
    return folder
