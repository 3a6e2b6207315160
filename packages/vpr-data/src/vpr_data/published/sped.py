"""SPED: pairs of pictures of fixed cameras, as VPR-Bench selected them (Zaffar et al. 2021, IJCV, arXiv 2005.08135)."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.at_names import split_folder
from vpr_data.published.entry import Counts, Published
from vpr_data.published.in_step import check_truth, in_step, of_bench
from vpr_data.published.made_up import check_pairs, made_up_frames
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["SPED", "sped"]

SPED = Published(
    name="sped",
    what="fixed outdoor cameras in other weather and season",
    protocols=("sped@place",),
    counts={"test": Counts(607, 607)},
    ask="the archive SPEDTEST.zip of VPR-Bench, linked from https://github.com/MubarizZaffar/VPR-Bench",
    layout="""\
ref/0000000.jpg ... query/0000000.jpg ...      VPR-Bench, with ground_truth_new.npy or without; or
SPED_dbImages.npy, SPED_qImages.npy, SPED_gt.npy      beside the images (GSV-Cities); or
images/test/database/@0@1000@...@.jpg, images/test/queries/...      VPR-datasets-downloader""",
)


def sped(*, root: Path | str) -> SetOnDisk:
    """Return SPED: query ``i`` and database image ``i`` are one place.

    Raises:
        FileNotFoundError: the images are in none of the usual folders.
        ValueError: a half of a pair is missing, or the truth beside them belongs to another set.
    """
    root = Path(root)
    formatted = split_folder(root, "test")
    truth = None
    if formatted is not None:
        database, places = made_up_frames(formatted / "database", root=root, metres=1000)
        queries, asked = made_up_frames(formatted / "queries", root=root, metres=1000)
    else:
        database, queries, truth = of_bench(root, lists="SPED")
        places, asked = list(range(len(database))), list(range(len(queries)))
    check_pairs(root, places, asked)
    split = in_step(name="sped", root=root, database=database, queries=queries, unit="place", frames=(places, asked))
    check_truth(split, truth, hint="pairs of SPED have one number; this is the truth of another set")
    return SetOnDisk(name="sped", root=root, make={"test": lambda: split}, counts=SPED.counts)
