"""Readers of the official ground truth of Oxford 5k, Paris 6k (Philbin et al. 2007, 2008) and Holidays (Jegou 2008)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vpr_data.images.formats import SUFFIXES
from vpr_data.places.rows import Rows
from vpr_data.published.retrieval import RetrievalSet

__all__ = ["holidays", "oxford5k", "paris6k"]

OXFORD_PREFIX = "oxc1_"
"""Written before the image's name in Oxford's query files."""


def oxford5k(*, root: Path | str) -> RetrievalSet:
    """Return Oxford 5k.

    Args:
        root: with ``images/all_souls_000000.jpg`` and so on, and ``groundtruth/all_souls_1_query.txt`` and so on.

    Raises:
        FileNotFoundError: a folder or file is missing.
        ValueError: a ground-truth file is not understood, or names an image that is not there.
    """
    root = Path(root)
    images = _folder(root, "images", "oxbuild_images")
    return _buildings("oxford5k", images, _files(images), _folder(root, "groundtruth", "gt_files_170407"))


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
    images = _folder(root, "images", "paris")
    corrupt = root / "corrupt.txt"
    known = {Path(line).name for line in _words(corrupt)} if corrupt.is_file() else set()
    names = [name for name in _files(images) if Path(name).name not in known]
    return _buildings("paris6k", images, names, _folder(root, "groundtruth", "paris_120310"))


def holidays(*, root: Path | str, upright: bool = False) -> RetrievalSet:
    """Return INRIA Holidays: file ``100000.jpg`` is a query, ``100001.jpg``, ``100002.jpg`` ... are its answers.

    Args:
        root: with ``jpg/100000.jpg`` and so on; ``holidays_images.dat``, if there, lists the images that count.
        upright: use the folder ``jpg_rotated`` of images turned upright by hand.

    Raises:
        FileNotFoundError: a folder is missing.
        ValueError: a name is not a number, or a group has no query.
    """
    root = Path(root)
    images = _folder(root, "jpg_rotated" if upright else "jpg")
    listed = root / "holidays_images.dat"
    names = sorted(_words(listed)) if listed.is_file() else _files(images)
    groups: dict[int, list[int]] = {}
    for position, name in enumerate(names):
        stem = Path(name).stem
        if not stem.isdecimal():
            raise ValueError(f"{images / name}: the name must be a number, as in Holidays; move other files away")
        groups.setdefault(int(stem) // 100, []).append(position)
    for number, members in groups.items():
        if int(Path(names[members[0]]).stem) % 100:
            raise ValueError(f"{images}: group {number} has no query {number}00.jpg; fetch the images again")
    nothing = Rows.from_rows([[] for _ in groups])
    return RetrievalSet(
        name="holidays-upright" if upright else "holidays",
        root=images,
        names=tuple(names),
        queries=np.array([members[0] for members in groups.values()], dtype=np.int64),
        good=Rows.from_rows([members[1:] for members in groups.values()]),
        ok=nothing,
        junk=nothing,
        ignore_query=True,
        max_pixels=1024 * 768,
    )


def _buildings(name: str, images: Path, names: Sequence[str], truth: Path) -> RetrievalSet:
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
            rows.append(sorted(_position(word, where, listed) for word in _words(listed)))
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
    words = _words(file)
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


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{file}: there is no such file; unpack the ground-truth archive there") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: is not text ({error})") from error


def _folder(root: Path, *names: str) -> Path:
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"root {root}: has no folder {' or '.join(map(repr, names))}")


def _files(folder: Path) -> list[str]:
    """Return the images in a folder and its sub-folders, sorted by path."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(name for name in names if not name.rpartition("/")[2].startswith("."))
