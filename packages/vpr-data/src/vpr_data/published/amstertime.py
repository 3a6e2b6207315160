"""AmsterTime: archive photographs of Amsterdam and today's street view (Yildiz et al. 2022, ICPR, arXiv 2203.16291)."""

from __future__ import annotations

from pathlib import Path

from vpr_data.published.at_names import split_folder
from vpr_data.published.entry import Counts, Published
from vpr_data.published.in_step import in_step, numbered_names
from vpr_data.published.made_up import check_pairs, made_up_frames
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["AMSTERTIME", "amstertime"]

AMSTERTIME = Published(
    name="amstertime",
    what="Amsterdam a century apart, archive photographs as queries",
    protocols=("amstertime@place",),
    counts={"test": Counts(1_231, 1_231)},
    ask="https://doi.org/10.4121/19580806 (4TU.ResearchData)",
    layout="""\
new/0001.png ... old/0001.jpg ...      as published: today's view, and the archive's; numbers have gaps; or
images/test/database/@0@1000@@@@@0001@@@@@@@@.jpg, images/test/queries/...      VPR-datasets-downloader""",
)


def amstertime(*, root: Path | str) -> SetOnDisk:
    """Return AmsterTime: an archive photograph is right with the street view of its number, and no other.

    Raises:
        FileNotFoundError: the images are in none of the usual folders.
        ValueError: a half of a pair is missing.
    """
    root = Path(root)
    formatted = split_folder(root, "test")
    if formatted is not None:
        database, places = made_up_frames(formatted / "database", root=root, metres=1000)
        queries, asked = made_up_frames(formatted / "queries", root=root, metres=1000)
    else:
        database, queries = (numbered_names(root / side, root=root, gaps=True) for side in ("new", "old"))
        places, asked = ([int(Path(name).stem) for name in names] for names in (database, queries))
    check_pairs(root, places, asked)
    split = in_step(
        name="amstertime", root=root, database=database, queries=queries, unit="place", frames=(places, asked)
    )
    return SetOnDisk(name="amstertime", root=root, make={"test": lambda: split}, counts=AMSTERTIME.counts)
