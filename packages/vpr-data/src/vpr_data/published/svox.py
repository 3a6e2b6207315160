"""SVOX: Oxford by street view, and by car in five weathers and lights (Berton et al. 2021, WACV)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vpr_data.published.entry import Counts, Published
from vpr_data.published.on_disk import SetOnDisk
from vpr_data.published.query_sets import with_query_sets

__all__ = ["SVOX", "SVOX_QUERIES", "svox"]

SVOX_QUERIES = {
    "plain": "queries",
    "night": "queries_night",
    "overcast": "queries_overcast",
    "rain": "queries_rain",
    "snow": "queries_snow",
    "sun": "queries_sun",
}

SVOX = Published(
    name="svox",
    what="Oxford: street view as the database, drives at night, in rain, snow, sun and under clouds",
    protocols=tuple(f"svox-test-{label}@25m" for label in SVOX_QUERIES),
    counts={
        "test": Counts(
            17_166,
            18_634,
            sure=False,
            subsets={"plain": 14_278, "night": 823, "overcast": 872, "rain": 937, "snow": 870, "sun": 854},
            # Public programs list these folders and refuse any other number (a search of public code for
            # "queries_night": 823 and for 17166, November 2026).
            source="as public programs that read the set expect them",
        )
    },
    ask="download_svox.py of https://github.com/gmberton/VPR-datasets-downloader",
    layout="""\
images/train/gallery/@easting@northing@...@.jpg, images/train/queries/..., images/val/... likewise
images/test/gallery/..., images/test/queries
images/test/queries_night, queries_overcast, queries_rain, queries_snow, queries_sun""",
    notes="the database's folder is called gallery",
)


def svox(*, root: Path | str, queries: Sequence[str] | None = None) -> SetOnDisk:
    """Return SVOX: right within 25 m; the query sets of ``test`` share one database, which is encoded once.

    Args:
        root: with ``images/test/gallery``.
        queries: which of `SVOX_QUERIES`; None: those that are there.

    Raises:
        FileNotFoundError: a folder is not there.
        ValueError: no such query set, or a name bears no position.
    """
    return with_query_sets(SVOX, Path(root), known=SVOX_QUERIES, wanted=queries, database="gallery")
