"""What a map answers to photos, as pictures: the photo, its answers, and what of it leads to the first of them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import vpr_data
from vpr_data.images.image_set import leaves_root
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all, evaluating
from vpr_runner.encoding.source import ImageSource
from vpr_runner.explain.explanation import Look, draw, photos_at
from vpr_runner.explain.pictures import blank, labelled, save_png, side_by_side, stacked
from vpr_runner.locate.guess import Guess, rows_of
from vpr_runner.maps.computed import check_computed
from vpr_runner.maps.index import nearest

if TYPE_CHECKING:
    import PIL.Image

    from vpr_core import ComponentConfig, Registry
    from vpr_data import ImageSet
    from vpr_runner.locate.located import Located
    from vpr_runner.maps.opened import Map
    from vpr_runner.network.retriever import Retriever

__all__ = ["explain_map"]


def explain_map(
    retriever: Retriever,
    opened: Map,
    images: ImageSet,
    index: ComponentConfig,
    *,
    registry: Registry,
    compute: Compute,
    folder: Path,
    look: Look,
    pictures: Path | None = None,
    progress: bool = True,
) -> tuple[list[Path], list[Located]]:
    """Write pictures of ``images`` and of what the map answers; return the files and the answers.

    Occlusion maps show the change of the descriptor, and of its distance to the first answer.

    Args:
        retriever: the network that made the map.
        opened: the map.
        images: photos that are asked about.
        index: what the map is searched with.
        registry: builds the index.
        compute: how images are prepared and the network is run.
        folder: of the pictures.
        look: what to draw.
        pictures: folder that holds the map's own images; None: their names stand for them. A map says where its images
            were, and is not believed: nobody's folders are read because a map names them.
        progress: show bars.

    Raises:
        UnreadableImagesError: a photo cannot be read.
        UsageError: the map was computed by another runtime, whose descriptors are too far from those of torch.
    """
    retriever = retriever.to(compute.device)
    check_computed(opened, None, compute, remedy=_remedy(opened))  # what is looked into is torch's network
    rows, _ = encode_all(retriever, ImageSource(images), compute=compute)
    near, kept = nearest(opened.descriptors, rows, look.top, folder=opened.folder, index=index, registry=registry)
    guess = Guess.of(opened)
    places = [rows_of(found, kept) for found in near.index]
    found = [guess(place, distance, count=look.top) for place, distance in zip(places, near.distance, strict=True)]
    files = []
    if look.retrieval:
        path = folder / "retrieval.png"
        save_png(_sheet(images, found, pictures, compute), path)
        files.append(path)
    matches: list[Tensor | None] = [
        _descriptor(opened, int(place[0]), compute) if len(place) and place[0] >= 0 else None for place in places
    ]
    with evaluating(retriever):
        files += draw(retriever, images, matches, compute, folder=folder, look=look, progress=progress)
    return files, found


def _remedy(opened: Map) -> str:
    """What helps where another runtime made the map: no installation does, for torch alone can be looked into."""
    folder, network = (shlex.quote(str(path)) for path in (opened.folder, opened.network or opened.folder))
    return (
        "What is looked into is the network in torch, whichever runtimes are installed: make a map by it to see its "
        f"answers (vpr extract {folder} PHOTOS -o NEW --set compute.runtime='{{type: torch}}'), or look at photos "
        f"without answers (vpr explain {network} photo.jpg -o out/)"
    )


def _descriptor(opened: Map, row: int, compute: Compute) -> Tensor:
    values = np.asarray(opened.descriptors[np.array([row])], dtype=np.float32)[0]
    return torch.from_numpy(values).to(compute.device)


def _sheet(images: ImageSet, found: Sequence[Located], pictures: Path | None, compute: Compute) -> PIL.Image.Image:
    """A row a photo: itself, then its answers with their distance and position."""
    names = list(dict.fromkeys(answer.image for one in found for answer in one.answers))
    shown = [name for name in names if pictures is not None and not leaves_root(name)]
    source = ImageSource(vpr_data.ImageSet(root=pictures or Path(), names=shown, xy=np.zeros((len(shown), 2))))
    compute = replace(compute, on_bad_image="skip")  # a picture that is not there is a grey one
    rows = []
    for number, one in enumerate(found):
        (photo,) = photos_at(ImageSource(images), [number], compute)
        cells = [labelled(photo, images.names[number].rpartition("/")[2])]
        for answer in one.answers:
            there = [shown.index(answer.image)] if answer.image in shown else []
            (photo,) = photos_at(source, there, compute) or [blank()]
            where = f", {answer.place['lat']:.5f} {answer.place['lon']:.5f}" if "lat" in answer.place else ""
            name = answer.image.rpartition("/")[2]
            cells.append(labelled(photo, f"{answer.rank}. {name}, {answer.distance:.3f}{where}"))
        rows.append(side_by_side(cells))
    return stacked(rows)
