"""SF-XL: San Francisco, eight years of street view (Berton et al. 2022, CVPR, arXiv 2204.02287)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vpr_data.published.entry import Counts, Published
from vpr_data.published.on_disk import SetOnDisk
from vpr_data.published.query_sets import with_query_sets

__all__ = ["SF_XL", "SF_XL_QUERIES", "sf_xl"]

SF_XL_QUERIES = {
    "v1": "queries_v1",
    "v2": "queries_v2",
    "night": "queries_night",
    "occlusion": "queries_occlusion",
}
_SUBSETS = {"v1": 1_000, "v2": 598, "night": 466, "occlusion": 76}

SF_XL = Published(
    name="sf_xl",
    what="San Francisco whole; telephones, archive, night and occluded views as queries",
    protocols=tuple(f"sf_xl-test-{label}@25m" for label in SF_XL_QUERIES),
    counts={
        "val": Counts(8_015, 7_993, sure=False),
        "test": Counts(2_805_840, 2_140, sure=False, subsets=_SUBSETS),
    },
    ask="the request form of https://github.com/gmberton/CosPlace; about 1 TB",
    layout="""\
processed/val/database/@easting@northing@...@.jpg, processed/val/queries/...
processed/test/database/..., processed/test/queries_v1, queries_v2, queries_night, queries_occlusion
small/...      the same tree with fewer database images: part: small""",
    notes="its queries v1 are 1,000 by the lists of VLAD-BuFF, its authors state about 2.8 million test images; the "
    "other numbers are as remembered. Its training images are classes of position and heading (CosPlace), no database "
    "and queries",
)


def sf_xl(
    *, root: Path | str, part: Literal["processed", "small"] = "processed", queries: Sequence[str] | None = None
) -> SetOnDisk:
    """Return SF-XL: right within 25 m; the query sets of ``test`` share one database, which is encoded once.

    Args:
        root: with ``processed`` or ``small``, or one of these.
        part: ``small`` has fewer database images, and another protocol.
        queries: which of `SF_XL_QUERIES`; None: those that are there.

    Raises:
        FileNotFoundError: a folder is not there.
        ValueError: ``root`` is the other part; no such query set; or a name bears no position.
    """
    root = Path(root)
    other = "small" if part == "processed" else "processed"
    if root.name == other and not (root / part).is_dir():
        raise ValueError(
            f"root {root}: this is the part {other!r}, whose database and recalls are others; say part: {other}"
        )
    folder = root / part if (root / part).is_dir() else root
    return with_query_sets(
        SF_XL,
        folder,
        known=SF_XL_QUERIES,
        wanted=queries,
        splits=("val", "test"),
        set_name="sf_xl" if part == "processed" else "sf_xl-small",
        counts=SF_XL.counts if part == "processed" else {},
    )
