"""17 places: indoor walks by day and night (Sahdev and Tsotsos 2016, CRV); 406 frames of VPR-Bench and AnyLoc."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.entry import Counts, Published
from vpr_data.published.in_step import check_truth, in_step, of_bench
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["PLACES17", "places17"]

BENCH, ANYLOC = 2, 15
"""Frames: VPR-Bench's truth, and AnyLoc's (arXiv 2308.00688), of the same images."""

PLACES17 = Published(
    name="17places",
    what="indoor walks through seventeen rooms, by day and by night",
    protocols=("17places@2frames", "17places@15frames"),
    counts={"test": Counts(406, 406)},
    ask="the set 17places of VPR-Bench (https://github.com/MubarizZaffar/VPR-Bench) or of AnyLoc "
    "(https://github.com/AnyLoc/AnyLoc)",
    layout="ref/0000000.jpg ... query/0000000.jpg ...      with ground_truth_new.npy or without",
    notes="2 frames (VPR-Bench) and 15 frames (AnyLoc, Revisit-Anything) are two protocols on the same images; "
    "'tolerance' has to be named",
)


def places17(*, root: Path | str, tolerance: int) -> SetOnDisk:
    """Return 17 places: query ``i`` is right with frames ``i - tolerance`` to ``i + tolerance``.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: the two walks have different lengths, or the truth beside them says otherwise.
    """
    root = Path(root)
    database, queries, truth = of_bench(root, lists=None)
    if len(database) != len(queries):
        raise ValueError(f"root {root}: {len(database)} frames in ref, {len(queries)} in query; both need as many")
    split = in_step(name="17places", root=root, database=database, queries=queries, unit="frame", tolerance=tolerance)
    if tolerance == BENCH:
        check_truth(split, truth, hint="VPR-Bench's truth has 2 frames, AnyLoc's 15 (tolerance: 15)")
    return SetOnDisk(name="17places", root=root, make={"test": lambda: split}, counts=PLACES17.counts)
