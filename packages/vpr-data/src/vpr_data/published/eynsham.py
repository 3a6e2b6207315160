"""Eynsham: 70 km through the villages west of Oxford, grey panoramas (Cummins and Newman 2009, RSS)."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.at_names import one_test
from vpr_data.published.entry import Counts, Published
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["EYNSHAM", "eynsham"]

EYNSHAM = Published(
    name="eynsham",
    what="country roads, grey images, five a panorama",
    protocols=("eynsham@25m",),
    counts={"test": Counts(23_935, 23_935, sure=False)},
    ask="download_eynsham.py of https://github.com/gmberton/VPR-datasets-downloader (from https://zenodo.org/records/1243106)",
    layout="images/test/database/@easting@northing@...@.jpg ... images/test/queries/...",
    # d_eynsham.py in the first commit of VPR-datasets-downloader (37f4687): panoramas below 4787, five tiles of each.
    notes="the first 4,787 panoramas of five images are the database, by VPR-datasets-downloader's own code; the "
    "number of queries is as remembered",
)


def eynsham(*, root: Path | str) -> SetOnDisk:
    """Return Eynsham in VPR-datasets-downloader's layout: right within 25 m.

    Raises:
        FileNotFoundError: the folders are not there.
        ValueError: a name bears no position.
    """
    return one_test(EYNSHAM, Path(root))
