"""Pittsburgh: Pitts30k and Pitts250k (Torii et al. 2013, split by Arandjelovic et al. 2016, arXiv:1511.07247).

Every panorama gives 24 cutouts (2 pitches, 12 yaws) with one position, so a database image within the radius may face
the other way. Queries were taken years apart from the database. Pitts30k is a part of Pitts250k, split by split.
"""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.dataset import PublishedDataset, Recipe

__all__ = ["PITTS30K", "PITTS250K", "pitts30k", "pitts250k"]

ASK = "Relja Arandjelovic (relja@relja.info), as https://www.di.ens.fr/willow/research/netvlad/ says"


def _recipe(name: str) -> Recipe:
    return Recipe(
        name=name,
        files={split: f"{name}_{split}.mat" for split in ("train", "val", "test")},
        database_folders=("images", "."),
        query_folders=("queries", "queries_real"),
        image_note="native size, 640x480",
        ask=ASK,
    )


PITTS30K = _recipe("pitts30k")
PITTS250K = _recipe("pitts250k")


def pitts30k(*, root: Path | str, metadata: Path | str | None = None) -> PublishedDataset:
    """Return Pitts30k: database of 10,000 images a split.

    Args:
        root: with ``images/000/...`` (or ``000/...``) and ``queries/000/...`` (or ``queries_real/000/...``).
        metadata: folder of ``pitts30k_train.mat`` and its siblings; None: see `vpr_data.PublishedDataset`.
    """
    return PublishedDataset(PITTS30K, root=root, metadata=metadata)


def pitts250k(*, root: Path | str, metadata: Path | str | None = None) -> PublishedDataset:
    """Return Pitts250k; arguments as for `pitts30k`."""
    return PublishedDataset(PITTS250K, root=root, metadata=metadata)
