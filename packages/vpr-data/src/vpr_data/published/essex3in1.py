"""ESSEX3IN1: 210 pairs of confusing views (Zaffar et al. 2018, arXiv 1804.01342), as VPR-Bench has them."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.entry import Counts, Published
from vpr_data.published.in_step import check_truth, in_step, of_bench
from vpr_data.published.made_up import check_pairs
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["ESSEX3IN1", "essex3in1"]

ESSEX3IN1 = Published(
    name="essex3in1",
    what="a campus and a town, views chosen to confuse",
    protocols=("essex3in1@place",),
    counts={"test": Counts(210, 210)},
    ask="the set ESSEX3IN1_dataset of VPR-Bench, linked from https://github.com/MubarizZaffar/VPR-Bench",
    layout="""\
ref/0000000.jpg ... query/0000000.jpg ...      VPR-Bench, with ground_truth_new.npy or without; or
ESSEX_dbImages.npy, ESSEX_qImages.npy, ESSEX_gt.npy      beside the images (GSV-Cities)""",
)


def essex3in1(*, root: Path | str) -> SetOnDisk:
    """Return ESSEX3IN1: query ``i`` and database image ``i`` are one place.

    Raises:
        FileNotFoundError: the images are in none of the usual folders.
        ValueError: a half of a pair is missing, or the truth beside them belongs to another set.
    """
    root = Path(root)
    database, queries, truth = of_bench(root, lists="ESSEX")
    check_pairs(root, range(len(database)), range(len(queries)))
    split = in_step(name="essex3in1", root=root, database=database, queries=queries, unit="place")
    check_truth(split, truth, hint="pairs of ESSEX3IN1 have one number; this is the truth of another set")
    return SetOnDisk(name="essex3in1", root=root, make={"test": lambda: split}, counts=ESSEX3IN1.counts)
