"""Gardens Point: a campus walked by day, right and left, and by night (Glover 2014); 200 frames a walk."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.entry import Counts, Published
from vpr_data.published.in_step import check_truth, in_step, of_bench
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["GARDENS_POINT", "TOLERANCE", "gardens_point"]

TOLERANCE = 2
"""Frames, of VPR-Bench's truth of GardensPointWalking; GardensPoint_TN has 3."""

GARDENS_POINT = Published(
    name="gardens_point",
    what="a campus walked by day on the right and on the left, and by night",
    protocols=("gardens_point@2frames", "gardens_point-day_right-night_right@2frames"),
    counts={"test": Counts(200, 200)},
    ask="the set GardensPointWalking of VPR-Bench (https://github.com/MubarizZaffar/VPR-Bench), or its three walks: "
    "Glover, Day and Night, Left and Right, Zenodo 2014",
    layout="""\
ref/0000000.jpg ... query/0000000.jpg ...      VPR-Bench, with ground_truth_new.npy or without; or
day_right/Image000.jpg ... day_left/... night_right/...      the walks; name two of them as database and queries""",
    notes="which two walks are compared is part of the protocol, and stands in its name",
)


def gardens_point(
    *, root: Path | str, database: str | None = None, queries: str | None = None, tolerance: int = TOLERANCE
) -> SetOnDisk:
    """Return Gardens Point: query ``i`` is right with frames ``i - tolerance`` to ``i + tolerance``.

    Args:
        root: folder of the walks.
        database: folder of one walk; None: ``ref``, and no walk in the protocol's name.
        queries: likewise; None: ``query``.
        tolerance: frames.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: the walks have different lengths, or the truth beside them says otherwise.
    """
    root = Path(root)
    folders = (database or "ref", queries or "query")
    known, asked, truth = of_bench(root, lists=None, folders=folders)
    if len(known) != len(asked):
        raise ValueError(
            f"root {root}: {len(known)} frames in {folders[0]}, {len(asked)} in {folders[1]}; walks are compared frame "
            "by frame, so both need as many"
        )
    name = "gardens_point" + ("" if database is None and queries is None else "-" + "-".join(folders))
    split = in_step(name=name, root=root, database=known, queries=asked, unit="frame", tolerance=tolerance)
    if tolerance == TOLERANCE and folders == ("ref", "query"):
        check_truth(split, truth, hint="GardensPointWalking has 2 frames, GardensPoint_TN 3: set tolerance: 3 for that")
    return SetOnDisk(name="gardens_point", root=root, make={"test": lambda: split}, counts=GARDENS_POINT.counts)
