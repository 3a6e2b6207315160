"""INRIA Holidays: personal holiday photos in groups of one scene (Jegou, Douze, Schmid 2008, ECCV)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vpr_data.places.rows import Rows
from vpr_data.published.entry import Counts, Published
from vpr_data.published.official import files_in, folder_in, words_in
from vpr_data.published.retrieval import RetrievalSet

__all__ = ["HOLIDAYS", "holidays"]

HOLIDAYS = Published(
    name="holidays",
    what="holiday photos, as taken or turned upright; mean average precision",
    protocols=("holidays@full-notself", "holidays-upright@full-notself"),
    counts={"test": Counts(1_491, 500)},
    ask="the archives jpg1.tar.gz and jpg2.tar.gz of INRIA Holidays (Jegou, Douze, Schmid 2008), linked from "
    "https://lear.inrialpes.fr/~jegou/data.php",
    layout="""\
jpg/100000.jpg ...                 jpg_rotated/ for the upright copy
holidays_images.dat                optional""",
)


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
    images = folder_in(root, "jpg_rotated" if upright else "jpg")
    listed = root / "holidays_images.dat"
    names = sorted(words_in(listed)) if listed.is_file() else files_in(images)
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
