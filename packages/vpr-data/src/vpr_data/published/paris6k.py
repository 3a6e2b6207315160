"""Paris 6k: buildings of Paris, and whatever else Flickr has of them (Philbin et al. 2008, CVPR)."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.entry import Counts, Download, Published
from vpr_data.published.official import BUILDINGS_TERMS, buildings, files_in, folder_in, words_in
from vpr_data.published.retrieval import RetrievalSet

__all__ = ["PARIS6K", "paris6k"]

PAGE = "https://www.robots.ox.ac.uk/~vgg/data/parisbuildings/"

PARIS6K = Published(
    name="paris6k",
    what="buildings of Paris; mean average precision",
    protocols=("paris6k@full", "paris6k@crop+98px"),
    counts={"test": Counts(6_392, 55)},
    downloads=(
        Download(PAGE + "paris_1-v1.tgz", "images", "images, first half, about 1 GB"),
        Download(PAGE + "paris_2-v1.tgz", "images", "images, second half, about 1 GB"),
        Download(PAGE + "paris_120310.tgz", "groundtruth", "ground truth"),
        Download(PAGE + "corrupt.txt", "corrupt.txt", "list of the 20 corrupt images"),
    ),
    layout="""\
images/defense/paris_defense_000000.jpg ...    in folders or all in one
groundtruth/defense_1_query.txt, _good.txt, _ok.txt, _junk.txt ...
corrupt.txt                                    the 20 images to leave out""",
    terms=BUILDINGS_TERMS + PAGE,
    licence="Flickr, the owners' terms",
)


def paris6k(*, root: Path | str) -> RetrievalSet:
    """Return Paris 6k, without the 20 images that are known to be corrupt.

    Args:
        root: with ``images/defense/paris_defense_000000.jpg`` and so on (or all in one folder), ``groundtruth``, and
            ``corrupt.txt`` as published; without that file nothing is left out.

    Raises:
        FileNotFoundError: a folder or file is missing.
        ValueError: as for `oxford5k`.
    """
    root = Path(root)
    images = folder_in(root, "images", "paris")
    corrupt = root / "corrupt.txt"
    known = {Path(line).name for line in words_in(corrupt)} if corrupt.is_file() else set()
    names = [name for name in files_in(images) if Path(name).name not in known]
    return buildings("paris6k", images, names, folder_in(root, "groundtruth", "paris_120310"))
