"""What is known of each published set: how many images it has, where it may be had, how its files are laid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vpr_data.published.dataset import PublishedDataset
from vpr_data.published.oxford_paris_holidays import holidays, oxford5k, paris6k
from vpr_data.published.pittsburgh import ASK, pitts30k, pitts250k
from vpr_data.published.retrieval import RetrievalSet
from vpr_data.published.tokyo import tokyo247, tokyo_tm

__all__ = ["PUBLISHED", "Counts", "Download", "Published", "open_published"]

NETVLAD_PAGE = "https://www.di.ens.fr/willow/research/netvlad/"
OXFORD = "https://www.robots.ox.ac.uk/~vgg/data/oxbuildings/"
PARIS = "https://www.robots.ox.ac.uk/~vgg/data/parisbuildings/"


@dataclass(frozen=True)
class Counts:
    """Images of a split as published; ``sure`` is False where only memory, no file, vouches for them."""

    database: int
    queries: int
    sure: bool = True


@dataclass(frozen=True)
class Download:
    """One public file.

    Attributes:
        url: where it lies.
        to: folder below the root that the files of the archive are put into, or the file itself if it is no archive.
        what: for the user.
        sha256: of the file, where known.
    """

    url: str
    to: str
    what: str
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published set.

    Attributes:
        name: as in run files.
        counts: split to numbers of images; for retrieval sets the one split ``test``.
        downloads: what may be fetched by anyone.
        ask: whom to ask for the rest and how; empty when ``downloads`` is all of it.
        layout: the tree of files that is expected below the root.
        terms: what using the files asks of one.
    """

    name: str
    counts: Mapping[str, Counts]
    downloads: tuple[Download, ...] = ()
    ask: str = ""
    layout: str
    terms: str = ""


DBSTRUCT = Download(
    NETVLAD_PAGE + "data/netvlad_v100_datasets.tar.gz", "datasets", "dbStruct .mat files of all four sets"
)
BUILDINGS = (
    "the images come from Flickr; their owners' terms and those of the data set's page apply. If the server refuses, "
    "the page says how to get access: "
)
PITTS_LAYOUT = """\
images/000/000000_pitch1_yaw1.jpg ... images/010/...      database (or without the folder images)
queries/000/000000_pitch1_yaw1.jpg ...                    queries (or queries_real)
datasets/{name}_train.mat, {name}_val.mat, {name}_test.mat"""

PUBLISHED: dict[str, Published] = {
    entry.name: entry
    for entry in (
        Published(
            name="pitts30k",
            counts={"train": Counts(10_000, 7_416), "val": Counts(10_000, 7_608), "test": Counts(10_000, 6_816)},
            downloads=(DBSTRUCT,),
            ask=ASK,
            layout=PITTS_LAYOUT.format(name="pitts30k"),
        ),
        Published(
            name="pitts250k",
            counts={"train": Counts(91_464, 7_824), "val": Counts(78_648, 7_608), "test": Counts(83_952, 8_280)},
            downloads=(DBSTRUCT,),
            ask=ASK,
            layout=PITTS_LAYOUT.format(name="pitts250k"),
        ),
        Published(
            name="tokyo247",
            counts={"test": Counts(75_984, 315)},
            downloads=(DBSTRUCT,),
            ask=ASK,
            layout="""\
images/03814/... to images/03829/...     database, .png as distributed or .jpg
query/00001.jpg ... query/01125.jpg      the 315 queries of the second version (247query_subset_v2)
datasets/tokyo247.mat""",
        ),
        Published(
            name="tokyo_tm",
            counts={"train": Counts(49_104, 7_277, sure=False), "val": Counts(49_056, 7_186, sure=False)},
            downloads=(DBSTRUCT,),
            ask=ASK,
            layout="""\
images/...                               database and queries
datasets/tokyoTM_train.mat, tokyoTM_val.mat""",
        ),
        Published(
            name="oxford5k",
            counts={"test": Counts(5_063, 55)},
            downloads=(
                Download(OXFORD + "oxbuild_images-v1.tgz", "images", "5,063 images, about 2 GB"),
                Download(OXFORD + "gt_files_170407.tgz", "groundtruth", "ground truth"),
            ),
            layout="""\
images/all_souls_000000.jpg ...
groundtruth/all_souls_1_query.txt, _good.txt, _ok.txt, _junk.txt ...""",
            terms=BUILDINGS + OXFORD,
        ),
        Published(
            name="paris6k",
            counts={"test": Counts(6_392, 55)},
            downloads=(
                Download(PARIS + "paris_1-v1.tgz", "images", "images, first half, about 1 GB"),
                Download(PARIS + "paris_2-v1.tgz", "images", "images, second half, about 1 GB"),
                Download(PARIS + "paris_120310.tgz", "groundtruth", "ground truth"),
                Download(PARIS + "corrupt.txt", "corrupt.txt", "list of the 20 corrupt images"),
            ),
            layout="""\
images/defense/paris_defense_000000.jpg ...    in folders or all in one
groundtruth/defense_1_query.txt, _good.txt, _ok.txt, _junk.txt ...
corrupt.txt                                    the 20 images to leave out""",
            terms=BUILDINGS + PARIS,
        ),
        Published(
            name="holidays",
            counts={"test": Counts(1_491, 500)},
            ask="the archives jpg1.tar.gz and jpg2.tar.gz of INRIA Holidays (Jegou, Douze, Schmid 2008), linked from "
            "https://lear.inrialpes.fr/~jegou/data.php",
            layout="""\
jpg/100000.jpg ...                 jpg_rotated/ for the upright copy
holidays_images.dat                optional""",
        ),
    )
}
"""By name. Numbers of Pittsburgh are counted in the official files, those of Tokyo 24/7 in its published positions."""

_OPEN = {"pitts30k": pitts30k, "pitts250k": pitts250k, "tokyo247": tokyo247, "tokyo_tm": tokyo_tm}
_OPEN_RETRIEVAL = {"oxford5k": oxford5k, "paris6k": paris6k, "holidays": holidays}


def published(name: str) -> Published:
    """Return the entry of a set.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in PUBLISHED:
        raise ValueError(f"name must be one of {', '.join(PUBLISHED)}, got {name!r}")
    return PUBLISHED[name]


def open_published(
    name: str, *, root: Path | str, metadata: Path | str | None = None
) -> PublishedDataset | RetrievalSet:
    """Return a published set by name; ``metadata`` is the folder of the .mat files, for sets that have them.

    Raises:
        ValueError: no such name.
        FileNotFoundError: its ground truth is not there.
    """
    published(name)
    if name in _OPEN_RETRIEVAL:
        return _OPEN_RETRIEVAL[name](root=root)
    return _OPEN[name](root=root, metadata=metadata)
