"""St Lucia: a suburb of Brisbane driven in the morning and in the afternoon (Milford and Wyeth 2008)."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.at_names import one_test
from vpr_data.published.entry import Counts, Published
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["ST_LUCIA", "st_lucia"]

ST_LUCIA = Published(
    name="st_lucia",
    what="a suburb driven at several times of the day",
    protocols=("st_lucia@25m",),
    counts={"test": Counts(1_549, 1_464)},
    ask="download_st_lucia.py of https://github.com/gmberton/VPR-datasets-downloader",
    layout="images/test/database/@easting@northing@56@J@...@.jpg ... images/test/queries/...",
    notes="frames at least 5 m apart, of the drives 100909_0845 (database) and 210809_1210 (queries)",
)


def st_lucia(*, root: Path | str) -> SetOnDisk:
    """Return St Lucia in VPR-datasets-downloader's layout: right within 25 m.

    Raises:
        FileNotFoundError: the folders are not there.
        ValueError: a name bears no position.
    """
    return one_test(ST_LUCIA, Path(root))
