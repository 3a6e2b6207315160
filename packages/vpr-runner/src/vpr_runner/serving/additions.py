"""Photos that are sent to be added to the map: looked at, kept in its folder of photos, put into the map."""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_data import ImageDecodeError, load_image
from vpr_data.images.formats import readable_suffixes
from vpr_data.tables.photos import open_photos
from vpr_runner.encoding.refused import SizeRefusedError
from vpr_runner.files import atomic
from vpr_runner.maps.adding import add_photos

if TYPE_CHECKING:
    from vpr_runner.locate.locator import Locator

__all__ = ["Additions", "RefusedError"]

NAME = re.compile(r"[\w ()@+,=-][\w .()@+,=-]{0,199}", re.ASCII)
"""Names of files that are taken as they are: no folder, nothing hidden, nothing that a shell or a page reads."""


class RefusedError(Exception):
    """Photos that are not added; says which, and why.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Additions:
    """Adds photos to the map that was made of ``photos``; one addition at a time.

    Attributes:
        photos: the folder that the map was made of.
        pixels: of one photo, at most.
    """

    photos: Path
    pixels: int

    def __call__(self, where: Locator, sent: Mapping[str, bytes]) -> tuple[Locator, dict[str, Any]]:
        """Return the map with the photos ``sent`` in it, opened, and what to tell the sender.

        A photo that is in the folder already, byte by byte, is no fault. A photo is kept before the map is touched:
        what a kill leaves undone is done by the next addition or the next start. So whatever may be wrong with a photo
        is found out before: one that was kept and cannot be added would be in the way of all that follow.

        Raises:
            RefusedError: a photo is none, has no position, is none that the network takes, or has the name of another.
        """
        places, notes = self._looked_at(where, sent)
        new = {}
        for name, content in sent.items():
            file = self.photos / name
            if not file.exists():
                new[name] = content
            elif not file.is_file() or file.read_bytes() != content:
                raise RefusedError(409, f"{name}: the map has another photo of this name; send it under a new one")
        for name, content in new.items():
            atomic.write_bytes(self.photos / name, content)
        try:
            added = add_photos(
                where.map.folder,
                self.photos,
                where.registry,
                retriever=copy.copy(where.retriever),  # its execution is another's meanwhile; searches go on by theirs
                device=str(where.compute.device),
            )
        except (UsageError, FileNotFoundError, ValueError) as error:
            raise RefusedError(409, f"the photos are kept, but the map cannot be added to: {error}") from error
        now = where.reopened() if added.new else where
        told = [{"name": name, "added": name in new, **places[name]} for name in sent]
        calibrated = now.guess.calibration is not None
        return now, {"images": added.images, "photos": told, "calibrated": calibrated, "notes": notes}

    def _looked_at(self, where: Locator, sent: Mapping[str, bytes]) -> tuple[dict[str, dict[str, float]], list[str]]:
        """Return where the photos were taken, in degrees, and what looks wrong with that.

        Each is described once, as it will be for the map, and forgotten again.
        """
        suffixes = readable_suffixes()
        for name in sent:
            if not NAME.fullmatch(name):
                raise RefusedError(
                    422, f"{name[:100]!r} cannot be the name of a photo: letters, digits and ._-()@+,= please"
                )
            if not name.lower().endswith(suffixes):
                raise RefusedError(422, f"{name}: no image by its name; suffixes are {', '.join(suffixes)}")
        with tempfile.TemporaryDirectory(prefix="vpr-photos-") as temporary:
            folder = Path(temporary)
            for name, content in sent.items():
                (folder / name).write_bytes(content)
                try:
                    load_image(folder / name, max_pixels=self.pixels)
                except ImageDecodeError as error:
                    raise RefusedError(422, f"{name}: the photo cannot be read: {error.reason}") from None
            try:
                found = open_photos(folder)
            except ValueError as error:
                raise RefusedError(422, str(error).replace(str(folder), "the photos")) from None
            images = found.images
            for row, name in enumerate(images.names):
                if images.degrees is None or (images.located is not None and not images.located[row]):
                    raise RefusedError(422, f"{name}: no position in the photo (EXIF or XMP), so it is not added")
            for name in images.names:
                try:
                    where(folder / name, count=1, max_pixels=self.pixels)
                except SizeRefusedError as error:
                    raise RefusedError(422, f"{name}: {error}") from None
        assert images.degrees is not None
        places = {
            name: {"lat": float(lat), "lon": float(lon)}
            for name, (lat, lon) in zip(images.names, images.degrees, strict=True)
        }
        return places, [note.replace(str(folder), "the photos") for note in found.notes]
