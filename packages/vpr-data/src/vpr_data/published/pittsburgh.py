"""Pittsburgh: Pitts30k and Pitts250k (Torii et al. 2013, split by Arandjelovic et al. 2016, arXiv:1511.07247).

Every panorama gives 24 cutouts (2 pitches, 12 yaws) with one position, so a database image within the radius may face
the other way. Queries were taken years apart from the database. Pitts30k is a part of Pitts250k, split by split.
"""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.dataset import PublishedDataset, Recipe
from vpr_data.published.entry import Counts, Download, Published

__all__ = ["DBSTRUCT", "PITTS30K", "PITTS250K", "PITTSBURGH", "pitts30k", "pitts250k"]

ASK = "Relja Arandjelovic (relja@relja.info), as https://www.di.ens.fr/willow/research/netvlad/ says"
DBSTRUCT = Download(
    "https://www.di.ens.fr/willow/research/netvlad/data/netvlad_v100_datasets.tar.gz",
    "datasets",
    "dbStruct .mat files of all four sets",
)
FORMATTED = """
or images/{split}/database/@easting@northing@...@.jpg, images/{split}/queries/...      VPR-datasets-downloader"""
LAYOUT = """\
images/000/000000_pitch1_yaw1.jpg ... images/010/...      database (or without the folder images)
queries/000/000000_pitch1_yaw1.jpg ...                    queries (or queries_real)
datasets/{name}_train.mat, {name}_val.mat, {name}_test.mat""" + FORMATTED.format(split="{{train,val,test}}")


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
PITTSBURGH = (
    Published(
        name="pitts30k",
        what="Pittsburgh's centre, street view years apart",
        protocols=("pitts30k-test@25m",),
        counts={"train": Counts(10_000, 7_416), "val": Counts(10_000, 7_608), "test": Counts(10_000, 6_816)},
        downloads=(DBSTRUCT,),
        ask=ASK,
        layout=LAYOUT.format(name="pitts30k"),
    ),
    Published(
        name="pitts250k",
        what="Pittsburgh whole, of which Pitts30k is a part",
        protocols=("pitts250k-test@25m",),
        counts={"train": Counts(91_464, 7_824), "val": Counts(78_648, 7_608), "test": Counts(83_952, 8_280)},
        downloads=(DBSTRUCT,),
        ask=ASK,
        layout=LAYOUT.format(name="pitts250k"),
    ),
)


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
