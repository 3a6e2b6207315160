"""Tokyo 24/7 (Torii et al. 2015, CVPR) and Tokyo Time Machine (Arandjelovic et al. 2016, arXiv:1511.07247)."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.dataset import PublishedDataset, Recipe
from vpr_data.published.entry import Counts, Published
from vpr_data.published.pittsburgh import ASK, DBSTRUCT, FORMATTED

__all__ = ["TOKYO", "TOKYO247", "TOKYO_TM", "tokyo247", "tokyo_tm"]

TOKYO247 = Recipe(
    name="tokyo247",
    files={"test": "tokyo247.mat"},
    database_folders=("images", "."),
    query_folders=("query", "queries", "247query_subset_v2", "query/247query_subset_v2"),
    group=12,
    periods=("day", "sunset", "night"),
    image_note="native size, queries of many sizes; others resize the queries, with other results",
    ask=ASK,
)
"""Test only. A panorama gives 12 consecutive database images, of which a ranking keeps the first; queries 1, 4, 7 ...
are taken by day, 2, 5, 8 ... at sunset, 3, 6, 9 ... at night."""

TOKYO_TM = Recipe(
    name="tokyoTM",
    files={"train": "tokyoTM_train.mat", "val": "tokyoTM_val.mat"},
    database_folders=("images", "."),
    query_folders=("images", "."),
    times=True,
    ask=ASK,
)
"""Queries are drawn from the panoramas of the database, so positives and answers must bear another time stamp."""

TOKYO = (
    Published(
        name="tokyo247",
        what="Tokyo by day, at sunset and at night",
        protocols=("tokyo247@25m-nms12", "tokyo247@25m"),
        counts={"test": Counts(75_984, 315)},
        downloads=(DBSTRUCT,),
        ask=ASK,
        layout="""\
images/03814/... to images/03829/...     database, .png as distributed or .jpg
query/00001.jpg ... query/01125.jpg      the 315 queries of the second version (247query_subset_v2)
datasets/tokyo247.mat"""
        + FORMATTED.format(split="test"),
        notes="in VPR-datasets-downloader's layout panoramas are not grouped (tokyo247@25m)",
    ),
    Published(
        name="tokyo_tm",
        what="Tokyo by Google's time machine, for training",
        protocols=("tokyoTM-val@25m-othertime",),
        counts={"train": Counts(49_104, 7_277, sure=False), "val": Counts(49_056, 7_186, sure=False)},
        downloads=(DBSTRUCT,),
        ask=ASK,
        layout="""\
images/...                               database and queries
datasets/tokyoTM_train.mat, tokyoTM_val.mat""",
    ),
)


def tokyo247(*, root: Path | str, metadata: Path | str | None = None) -> PublishedDataset:
    """Return Tokyo 24/7.

    Args:
        root: with ``images/03814/...`` and ``query/00001.jpg``.
        metadata: folder of ``tokyo247.mat``; None: see `vpr_data.PublishedDataset`.
    """
    return PublishedDataset(TOKYO247, root=root, metadata=metadata)


def tokyo_tm(*, root: Path | str, metadata: Path | str | None = None) -> PublishedDataset:
    """Return Tokyo Time Machine; ``root`` holds ``images``, ``metadata`` is as for `tokyo247`."""
    return PublishedDataset(TOKYO_TM, root=root, metadata=metadata)
