"""Rendered photographs with the table and the manifest that describe them, under one seal."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vpr_data.city.files import write_atomic
from vpr_data.city.layout import Photo
from vpr_data.city.photographs import VERSION
from vpr_data.city.seal import set_damaged_aside, write_seal
from vpr_data.city.sizes import SPLITS

__all__ = ["SealedFiles"]

COLUMNS = ("name", "x", "y", "time", "place", "split", "role", "station", "visit", "heading", "pitch")
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SealedFiles:
    """What belongs together in the folder of a city.

    Attributes:
        folder: of the city.
        kind: what is sealed.
        table: name of the table of the photographs.
        manifest: name of the file of their digests.
        seal: name of the seal.
    """

    folder: Path
    kind: str
    table: str
    manifest: str
    seal: str

    def opened(self) -> dict[str, object] | None:
        """Return the manifest when everything is as it was sealed; None when something is to be rendered.

        What is damaged has been set aside then. Folders of the first versions have no seal: their manifest holds one
        digest over all images, and says so.
        """
        whole = set_damaged_aside(self.folder, kind=self.kind, seal=self.seal)
        manifest = self._manifest() if whole is not False else None
        if whole or manifest is None:
            return manifest
        self._compare_unsealed(manifest)
        return None

    def sealed(self, photos: Sequence[Photo], **facts: object) -> dict[str, object]:
        """Write table, manifest (with ``facts``) and seal of photographs that are all there; return the manifest."""
        digest = hashlib.sha256()
        for photo in photos:
            digest.update((self.folder / photo.name).read_bytes())
        table = _table_of(photos)
        manifest: dict[str, object] = {
            "version": VERSION,
            **facts,
            "images": len(photos),
            "images_sha256": digest.hexdigest(),
            "table_sha256": hashlib.sha256(table).hexdigest(),
        }
        write_atomic(self.folder / self.table, table)
        write_atomic(self.folder / self.manifest, (json.dumps(manifest, indent=2) + "\n").encode())
        files = [self.table, self.manifest, *(photo.name for photo in photos)]
        write_seal(self.folder, kind=self.kind, files=files, seal=self.seal)
        return manifest

    def _manifest(self) -> dict[str, object] | None:
        try:
            manifest = json.loads((self.folder / self.manifest).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return manifest if isinstance(manifest, dict) and manifest.get("version") == VERSION else None

    def _compare_unsealed(self, manifest: dict[str, object]) -> None:
        """Remove the photographs of an unsealed folder when one of them has changed: which one, nobody can say."""
        try:
            with (self.folder / self.table).open(encoding="utf-8", newline="") as file:
                names = [row["name"] for row in csv.DictReader(file)]
            digest = hashlib.sha256()
            for name in names:
                digest.update((self.folder / name).read_bytes())
        except (OSError, ValueError, KeyError, csv.Error):
            return  # what is missing is rendered
        if digest.hexdigest() != manifest.get("images_sha256"):
            log.warning("%s: a photograph has changed since it was rendered; all are rendered again", self.folder)
            for name in names:
                (self.folder / name).unlink(missing_ok=True)


def _table_of(photos: Sequence[Photo]) -> bytes:
    """The table of photographs as CSV."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for photo in photos:
        role = "queries" if photo.query else "database"
        position = (f"{photo.xy[0]:.2f}", f"{photo.xy[1]:.2f}")
        angles = (f"{photo.camera.heading:.2f}", f"{photo.camera.pitch:.2f}")
        rows.writerow(
            (
                photo.name,
                *position,
                photo.time,
                photo.place,
                SPLITS[photo.area],
                role,
                photo.station,
                photo.visit,
                *angles,
            )
        )
    return text.getvalue().encode()
