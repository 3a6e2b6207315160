"""MSLS val as other tools pass it on: lists of names and right answers, without positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vpr_data.images.image_set import ImageSet
from vpr_data.places.splits import EvaluationProtocol
from vpr_data.truth.listed import ListedSplit
from vpr_data.truth.lists import read_names, read_places, read_rows

__all__ = ["BEGIN", "listed_val"]

BEGIN = "msls_val"
CITIES = ("cph", "sf")


def listed_val(root: Path) -> ListedSplit:
    """Return the split of ``msls_val_dbImages.npy`` and ``msls_val_qImages.npy``.

    GSV-Cities and SALAD add ``msls_val_qIdx.npy``, the rows of the queries that are asked, and ``msls_val_pIdx.npy``,
    their right answers; OpenVPRLab ``msls_val_gt_25m.npy``.

    Raises:
        ValueError: a list is damaged, holds anything but lists, or the truth names images of the other city: it belongs
            to another order of names.
    """
    database = read_names(root / f"{BEGIN}_dbImages.npy", root=root)
    listed = read_names(root / f"{BEGIN}_qImages.npy", root=root)
    truth = root / f"{BEGIN}_pIdx.npy"
    asked = list(range(len(listed)))
    if truth.is_file():
        asked = read_places(root / f"{BEGIN}_qIdx.npy", count=len(listed))
    else:
        truth = root / f"{BEGIN}_gt_25m.npy"
    queries = [listed[row] for row in asked]
    right = read_rows(truth, queries=queries, database=database)
    for query, answers in enumerate(right):
        other = [row for row in answers if _city(database[int(row)]) != _city(queries[query])]
        if other:
            raise ValueError(
                f"{truth}: {database[int(other[0])]} is right for {queries[query]}, in another city; the truth counts "
                "in the order of the lists it was published with, and one of them was sorted or made again"
            )
    sides = [
        ImageSet(
            root=root, names=names, xy=np.column_stack([np.arange(len(names)), np.zeros(len(names))]).astype(float)
        )
        for names in (database, queries)
    ]
    return ListedSplit(
        name="val",
        database=sides[0],
        queries=sides[1],
        protocol=EvaluationProtocol(name="msls-val-joined", radius=0.0, unit="list"),
        right=right,
    )


def _city(name: str) -> str:
    return next((part for part in name.split("/") if part in CITIES), "")
