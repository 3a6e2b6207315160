"""Reading the official ground truth of Oxford 5k and Paris 6k (Philbin et al. 2007, 2008): four lists a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vpr_data.images.formats import SUFFIXES
from vpr_data.places.rows import Rows
from vpr_data.published.retrieval import RetrievalSet

__all__ = ["BUILDINGS_TERMS", "buildings", "files_in", "folder_in", "words_in"]

BUILDINGS_TERMS = (
    "the images come from Flickr; their owners' terms and those of the data set's page apply. If the server refuses, "
    "the page says how to get access: "
)
OXFORD_PREFIX = "oxc1_"
"""Written before the image's name in Oxford's query files."""


def buildings(name: str, images: Path, names: Sequence[str], truth: Path) -> RetrievalSet:
    """Return a benchmark from ``*_query.txt``, ``_good.txt``, ``_ok.txt`` and ``_junk.txt`` in ``truth``."""
    where = {Path(image).stem: position for position, image in enumerate(names)}
    if len(where) != len(names):
        raise ValueError(f"{images}: two images have the same name in different folders; ground truth is by name")
    files = sorted(truth.glob("*_query.txt"))
    if not files:
        raise FileNotFoundError(f"{truth}: holds no *_query.txt; unpack the ground-truth archive there")
    queries, boxes = [], []
    levels: dict[str, list[list[int]]] = {"good": [], "ok": [], "junk": []}
    for file in files:
        image, box = _query(file)
        queries.append(_position(image, where, file))
        boxes.append(box)
        for level, rows in levels.items():
            listed = file.with_name(file.name.replace("_query.txt", f"_{level}.txt"))
            rows.append(sorted(_position(word, where, listed) for word in words_in(listed)))
    return RetrievalSet(
        name=name,
        root=images,
        names=tuple(names),
        queries=np.array(queries, dtype=np.int64),
        good=Rows.from_rows(levels["good"]),
        ok=Rows.from_rows(levels["ok"]),
        junk=Rows.from_rows(levels["junk"]),
        boxes=np.array(boxes, dtype=np.float64),
    )


def _query(file: Path) -> tuple[str, list[float]]:
    words = words_in(file)
    try:
        box = [float(word) for word in words[1:]]
    except ValueError:
        box = []
    if len(box) != 4 or not np.isfinite(box).all() or box[0] >= box[2] or box[1] >= box[3]:
        raise ValueError(f"{file}: must read 'name left top right bottom', got {' '.join(words)!r}")
    return words[0], box


def _position(word: str, where: Mapping[str, int], file: Path) -> int:
    name = word.removeprefix(OXFORD_PREFIX)
    if name not in where:
        raise ValueError(f"{file}: names the image {name!r}, which is not in the image folder; fetch the images again")
    return where[name]


def words_in(file: Path) -> list[str]:
    """Return the words of a text file."""
    try:
        return file.read_text(encoding="utf-8").split()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{file}: there is no such file; unpack the ground-truth archive there") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: is not text ({error})") from error


def folder_in(root: Path, *names: str) -> Path:
    """Return the first of ``names`` that is a folder below ``root``."""
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"root {root}: has no folder {' or '.join(map(repr, names))}")


def files_in(folder: Path) -> list[str]:
    """Return the images in a folder and its sub-folders, sorted by path."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(name for name in names if not name.rpartition("/")[2].startswith("."))
