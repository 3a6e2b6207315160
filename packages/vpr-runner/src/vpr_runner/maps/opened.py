"""Opening a map: everything in it compared with its seal before it is believed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpr_core import UsageError
from vpr_data import Frame
from vpr_runner.extraction.descriptors import Descriptors, load_descriptors
from vpr_runner.files.documents import parsed
from vpr_runner.files.seal import Seal
from vpr_runner.maps.layout import KEPT_INDEXES, KIND, NETWORK_FOLDER, ORIGIN_FILE, PLACES_FILE
from vpr_runner.maps.places import Places

__all__ = ["Map", "open_map", "origin_of", "read_places"]

REMEDY = "run `vpr extract` again, it makes what is damaged anew, or take another copy of the map"


@dataclass(frozen=True, kw_only=True, eq=False)
class Map:
    """An opened map.

    Attributes:
        folder: where it lies.
        descriptors: rows of the images, read where they lie.
        places: names and positions, in the same order.
        root: folder that the images were in when the map was made; None: not known.
        network: folder of the map's own network; None: a map from before maps kept theirs.
        seal: None: a map from before there were seals.
    """

    folder: Path
    descriptors: Descriptors
    places: Places
    root: Path | None
    network: Path | None
    seal: Seal | None

    def verify_ahead(self) -> None:
        """Have the descriptors compared with their SHA-256 from now on, by a thread: while a network is loaded, say.

        Where an index is kept beside the map, few of them will be read, and those are compared one by one.
        """
        if next(self.folder.glob(KEPT_INDEXES), None) is None:
            self.descriptors.verify_ahead()


def open_map(folder: Path) -> Map:
    """Open the map in ``folder``.

    Nothing that the map names is run, reached or read: its network is the file in it, and ``root`` is only said.

    Raises:
        UsageError: there is no such folder, no map in it, or it is not whole; names the file and the next step.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; `vpr extract MODEL IMAGES -o {folder}` makes a map")
    seal = Seal.open(folder, kind=KIND, remedy=REMEDY)
    if seal is not None:
        seal.check(*(name for name in seal.files if name.endswith(".json") and "/" not in name))
    descriptors = load_descriptors(folder)
    places, root = read_places(folder, names=descriptors.names, seal=seal)
    network = folder / NETWORK_FOLDER
    return Map(
        folder=folder,
        descriptors=descriptors,
        places=places,
        root=root,
        network=network if network.is_dir() else None,
        seal=seal,
    )


def read_places(folder: Path, *, names: Sequence[str], seal: Seal | None = None) -> tuple[Places, Path | None]:
    """Return the places of the images ``names``, and the folder that the images were in, where it is known.

    An extraction that was made from Python has descriptors only: its places are names.

    Raises:
        UsageError: the table or its frame is damaged.
    """
    origin = _origin(folder, seal)
    frame, root = origin.get("frame"), origin.get("root")
    try:
        known = None if frame is None else Frame.from_json(frame)
        if PLACES_FILE not in (seal.files if seal is not None else ()) and not (folder / PLACES_FILE).is_file():
            return Places(names=names), None
        places = Places.from_csv(_text(folder, PLACES_FILE, seal, default=""), names=names, frame=known)
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{folder / PLACES_FILE} is damaged ({error}); {REMEDY}") from error
    return places, Path(root) if isinstance(root, str) and "\0" not in root else None


def origin_of(opened: Map) -> dict[str, Any]:
    """Return what a map says of its making: ``root``, ``frame``, and ``runtime`` where torch was not what executed.

    Raises:
        UsageError: it is damaged.
    """
    return _origin(opened.folder, opened.seal)


def _text(folder: Path, name: str, seal: Seal | None, *, default: str) -> str:
    if seal is not None and name in seal.files:
        return seal.read(name).decode()
    file = folder / name
    return file.read_text(encoding="utf-8") if file.is_file() else default


def _origin(folder: Path, seal: Seal | None) -> dict[str, Any]:
    try:
        content = parsed(_text(folder, ORIGIN_FILE, seal, default="{}"))
        if not isinstance(content, dict):
            raise ValueError("no JSON object")
    except (ValueError, OSError) as error:
        raise UsageError(f"{folder / ORIGIN_FILE} is damaged ({error}); {REMEDY}") from error
    return content
