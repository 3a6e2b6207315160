"""Oxford 5k: buildings of Oxford, and whatever else Flickr has of them (Philbin et al. 2007, CVPR)."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.entry import Counts, Download, Published
from vpr_data.published.official import BUILDINGS_TERMS, buildings, files_in, folder_in
from vpr_data.published.retrieval import RetrievalSet

__all__ = ["OXFORD5K", "oxford5k"]

PAGE = "https://www.robots.ox.ac.uk/~vgg/data/oxbuildings/"

OXFORD5K = Published(
    name="oxford5k",
    what="buildings of Oxford; mean average precision",
    protocols=("oxford5k@full", "oxford5k@crop+98px"),
    counts={"test": Counts(5_063, 55)},
    downloads=(
        Download(PAGE + "oxbuild_images-v1.tgz", "images", "5,063 images, about 2 GB"),
        Download(PAGE + "gt_files_170407.tgz", "groundtruth", "ground truth"),
    ),
    layout="""\
images/all_souls_000000.jpg ...
groundtruth/all_souls_1_query.txt, _good.txt, _ok.txt, _junk.txt ...""",
    terms=BUILDINGS_TERMS + PAGE,
    licence="Flickr, the owners' terms",
)


def oxford5k(*, root: Path | str) -> RetrievalSet:
    """Return Oxford 5k.

    Args:
        root: with ``images/all_souls_000000.jpg`` and so on, and ``groundtruth/all_souls_1_query.txt`` and so on.

    Raises:
        FileNotFoundError: a folder or file is missing.
        ValueError: a ground-truth file is not understood, or names an image that is not there.
    """
    root = Path(root)
    images = folder_in(root, "images", "oxbuild_images")
    return buildings("oxford5k", images, files_in(images), folder_in(root, "groundtruth", "gt_files_170407"))
