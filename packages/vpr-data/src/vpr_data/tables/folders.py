"""Any folder of images as a data set: a table, file names or EXIF say where each was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from vpr_data.images.image_set import ImageSet, leaves_root
from vpr_data.places.fingerprint import fingerprint_of
from vpr_data.places.splits import EvaluationProtocol, PlaceSplit, TrainingRadii
from vpr_data.tables.below_root import below_root
from vpr_data.tables.gpx import read_gpx
from vpr_data.tables.image_table import ImageTable
from vpr_data.tables.placement import npz_columns, with_positions
from vpr_data.tables.positions import Located, Unit, locate
from vpr_data.tables.roles import Part, parts_of_folders, parts_of_pair, parts_of_table, read_part

__all__ = ["FolderDataset", "training_radii"]

DEFAULT_RADIUS = {"m": 25.0, "frame": 10.0, "place": 0.0}


class FolderDataset:
    """Images below ``root`` with positions.

    What is database, what queries, and which split an image belongs to:

    - ``table``: one CSV or GeoJSON file, with a column ``role`` (``database`` or ``queries``) and perhaps ``split``.
      Without roles every image is a query against all others.
    - ``database`` and ``queries``: for each a table, a list of names (``.txt``) or a folder.
    - neither: folders ``database`` and ``queries`` below ``root``, or below ``train``, ``val``, ``test``.

    A set without splits has the one split ``test``. Names in tables are relative to ``root``, with forward slashes.

    Args:
        root: folder of the images.
        table: see above; a relative path counts from ``root``.
        database: see above.
        queries: see above.
        positions: where positions come from if no table has them: ``names`` (``@easting@northing@...``, the frame
            number at a name's end, or the folder as the place), ``exif`` (GPS), ``auto`` (names where they follow the
            convention, else EXIF).
        npz: file with arrays ``utmDb`` and ``utmQ``, one row a database image or query in their order, as published for
            Tokyo 24/7 and Nordland.
        gpx: track of a receiver; images that no table places lie where it was when they were taken, interpolated.
        gpx_offset: seconds to add to the images' times: what the camera's clock was behind UTC.
        columns: meaning to header where a table's headers are not understood (`vpr_data.tables.image_table.COLUMNS`).
        name: of the data set in protocols; None: the name of ``root``.
        unit: of distances: ``m``, ``frame``, or ``place`` (an answer is right if its place label is the query's).
        radius: an answer is right within this; None: 25 m, 10 frames.
        training: radii of training; None: NetVLAD's 10 m and 25 m, for frames ``radius`` and twice that.
        group: images of one panorama that stand together in the database, of which a ranking keeps one.
        ignore_same_time: answers of the query's own time stamp do not count. Where this rule, or training's
            ``different_time``, needs times, images that have none are left out, counted and named.
        queries_without_positives: ``count`` as failed or ``exclude``.

    Raises:
        FileNotFoundError: a folder or table is missing.
        ValueError: anything else that is wrong, with the file and the row.
    """

    def __init__(
        self,
        *,
        root: Path | str,
        table: Path | str | None = None,
        database: Path | str | None = None,
        queries: Path | str | None = None,
        positions: Literal["auto", "names", "exif"] = "auto",
        npz: Path | str | None = None,
        gpx: Path | str | None = None,
        gpx_offset: float = 0.0,
        columns: Mapping[str, str] | None = None,
        name: str | None = None,
        unit: Unit = "m",
        radius: float | None = None,
        training: TrainingRadii | None = None,
        group: int | None = None,
        ignore_same_time: bool = False,
        queries_without_positives: Literal["count", "exclude"] = "count",
    ) -> None:
        self.root = Path(root)
        self.name = name or self.root.resolve().name
        reach = DEFAULT_RADIUS[unit] if radius is None else radius
        training = training or training_radii(unit=unit, radius=radius)
        parts = _parts(self.root, table=table, database=database, queries=queries, columns=columns or {})
        tables = [
            table for part in parts for table in ((part.database,) if part.same else (part.database, part.queries))
        ]
        tables = [below_root(table, self.root) for table in tables]
        _check_names(tables, self.root)
        if npz is not None:
            if len(parts) != 1 or parts[0].same:
                raise ValueError("npz needs one split with a database and queries of its own")
            tables = npz_columns(self.root / npz, database=tables[0], queries=tables[1])
        track = None if gpx is None else read_gpx(self.root / gpx)
        tables = with_positions(tables, root=self.root, source=positions, unit=unit, track=track, offset=gpx_offset)
        timed = ignore_same_time or training.different_time
        found = locate(tables, unit=unit)
        notes = tuple(
            dict.fromkeys(
                [
                    *(note for table in tables for note in table.notes),
                    *_left_out(tables, [located.positions.located for located in found], "a position"),
                    *(_left_out(tables, [located.timed for located in found], "a time") if timed else ()),
                    *found[0].notes,
                ]
            )
        )
        located = iter(zip(tables, found, strict=True))
        self._splits: dict[str, PlaceSplit] = {}
        for part in parts:
            images = self._images(*next(located), timed=timed)
            self._splits[part.split] = PlaceSplit(
                name=part.split,
                database=images,
                queries=images if part.same else self._images(*next(located), timed=timed),
                protocol=EvaluationProtocol(
                    name=self.name if len(parts) == 1 else f"{self.name}-{part.split}",
                    radius=reach,
                    unit=unit,
                    group=group,
                    ignore_same_time=ignore_same_time,
                    ignore_same_image=part.same,
                    queries_without_positives=queries_without_positives,
                ),
                training=training,
                notes=notes,
            )

    @property
    def split_names(self) -> tuple[str, ...]:
        """Names of the splits, ``train``, ``val``, ``test`` first."""
        return tuple(self._splits)

    def split(self, name: str) -> PlaceSplit:
        """Return a split.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in self._splits:
            raise ValueError(f"name must be one of {', '.join(self._splits)}, the splits of {self.root}, got {name!r}")
        return self._splits[name]

    def fingerprint(self) -> str:
        """Return a hash of names, positions, rules and file sizes."""
        return fingerprint_of(self._splits.values())

    def _images(self, table: ImageTable, located: Located, *, timed: bool) -> ImageSet:
        images = ImageSet(
            root=self.root,
            names=table.columns["name"],
            xy=located.positions.xy,
            points=located.positions.points,
            degrees=located.positions.degrees,
            frame=located.positions.frame,
            time=located.time if timed or located.timed is None else None,
            place=located.place,
            drive=located.drive,
            located=located.positions.located,
        )
        wanted = np.ones(len(images), dtype=bool) if images.located is None else images.located
        if timed and located.timed is not None:
            wanted = wanted & located.timed
        return images if wanted.all() else images.select(np.flatnonzero(wanted))


def training_radii(
    *,
    unit: Unit = "m",
    radius: float | None = None,
    positive: float | None = None,
    beyond: float | None = None,
    negative: float | None = None,
    different_time: bool = False,
    negatives_exclude_same_place: bool = False,
) -> TrainingRadii:
    """Return radii of training for a set whose answers are right within ``radius``, filling in what is not given.

    Metres: positives within 10 m, negatives beyond 25 m, or the radius where that fits better. Frames: positives within
    the radius, negatives beyond twice that.
    """
    reach = DEFAULT_RADIUS[unit] if radius is None else radius
    usual_positive, usual_negative = (min(10.0, reach), max(25.0, reach)) if unit == "m" else (reach, 2 * reach)
    chosen = usual_positive if positive is None else positive
    return TrainingRadii(
        positive=chosen,
        beyond=beyond,
        negative=max(usual_negative, chosen) if negative is None else negative,
        different_time=different_time,
        negatives_exclude_same_place=negatives_exclude_same_place,
    )


def _parts(
    root: Path,
    *,
    table: Path | str | None,
    database: Path | str | None,
    queries: Path | str | None,
    columns: Mapping[str, str],
) -> list[Part]:
    if (database is None) != (queries is None):
        missing = "queries" if queries is None else "database"
        raise ValueError(f"{missing} must be given too: database and queries belong together")
    if table is not None and database is not None:
        raise ValueError("table must not be given together with database and queries; it holds both")
    if table is not None:
        return parts_of_table(read_part(Path(table), root=root, columns=columns))
    if database is not None and queries is not None:
        return parts_of_pair(
            read_part(Path(database), root=root, columns=columns), read_part(Path(queries), root=root, columns=columns)
        )
    return parts_of_folders(root)


def _left_out(tables: Sequence[ImageTable], masks: Sequence[npt.NDArray[np.bool_] | None], what: str) -> list[str]:
    """Return a sentence that counts and names images left out for want of ``what``, if there are any.

    Raises:
        ValueError: a whole table has none.
    """
    without: list[str] = []
    for table, mask in zip(tables, masks, strict=True):
        if mask is None or mask.all():
            continue
        if not mask.any():
            raise ValueError(f"{table.source}: no image has {what} ({len(table)} images)")
        reasons = table.columns.get("without", [""] * len(table)) if what == "a position" else [""] * len(table)
        for row in np.flatnonzero(~mask).tolist():
            without.append(table.columns["name"][row] + (f" ({reasons[row]})" if reasons[row] else ""))
    if not without:
        return []
    total = sum(map(len, tables))
    shown = ", ".join(without[:3]) + (", ..." if len(without) > 3 else "")
    return [f"{total - len(without)} of {total} images have {what}; left out: {shown}"]


def _check_names(tables: Sequence[ImageTable], root: Path) -> None:
    """Refuse names that leave the root, before any of the files is opened."""
    for table in tables:
        for row, name in enumerate(table.columns["name"]):
            if leaves_root(name):
                raise ValueError(
                    f"name of {table.where(row)} leaves the root {root}; write it relative to the root, without '..'"
                )
