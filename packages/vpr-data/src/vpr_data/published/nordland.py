"""Nordland: a railway in four seasons (Suenderhauf et al. 2013), of which two sets bear one name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vpr_data.published.at_names import split_folder
from vpr_data.published.entry import Counts, Published
from vpr_data.published.in_step import check_truth, in_step, listed_names, numbered_names, of_bench
from vpr_data.published.made_up import made_up_frames
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["NORDLAND", "VARIANTS", "Variant", "nordland"]

Variant = Literal["patchnetvlad", "vprbench"]

VARIANTS: dict[str, str] = {
    "patchnetvlad": "patchnetvlad: database summer, queries winter, 27,592 each, 10 frames (Patch-NetVLAD, "
    "VPR-datasets-downloader)",
    "vprbench": "vprbench: database winter, 27,592, queries summer, every tenth, 2,760, 1 frame (VPR-Bench, "
    "GSV-Cities, SALAD, BoQ: often written Nordland*)",
}
"""What the two are; their recalls cannot be compared."""

NORDLAND = Published(
    name="nordland",
    what="a railway in Norway, season against season",
    protocols=("nordland-patchnetvlad@10frames", "nordland-vprbench@1frames"),
    counts={"patchnetvlad": Counts(27_592, 27_592), "vprbench": Counts(27_592, 2_760)},
    ask="the set Nordland of VPR-Bench (https://github.com/MubarizZaffar/VPR-Bench); or download_nordland.py of "
    "https://github.com/gmberton/VPR-datasets-downloader",
    layout="""\
variant: vprbench
  ref/0000000.jpg ... query/0000000.jpg ...      with ground_truth_new.npy or without; or
  Nordland_dbImages.npy, Nordland_qImages.npy, Nordland_gt.npy      beside the images
variant: patchnetvlad
  images/test/database/@0@00002.4@@@@@1@@@@@@@@.jpg, images/test/queries/...      VPR-datasets-downloader; or
  nordland_imageNames_index.txt, nordland_imageNames_query.txt      Patch-NetVLAD's lists of the cleaned frames; or
  summer/images-00202.png ... winter/images-00202.png ...      the cleaned frames themselves""",
    licence="CC BY, as VPR-Bench states",
    notes="two sets bear the name, and 'variant' has to be given: " + "; ".join(VARIANTS.values()) + ". Some papers "
    "count 1 or 2 frames of the first: tolerance",
)
DEFAULT = {"patchnetvlad": 10, "vprbench": 1}
EVERY = 10
"""Database images of the variant vprbench from one query to the next."""
STEP = 25 / 10.5
"""Metres that VPR-datasets-downloader puts between two frames, so that 25 m are 10 frames."""
NAMES = ("nordland_imageNames_index.txt", "nordland_imageNames_query.txt")


def nordland(*, root: Path | str, variant: Variant, tolerance: int | None = None) -> SetOnDisk:
    """Return one of the two sets called Nordland.

    Args:
        root: folder of the set.
        variant: of `VARIANTS`.
        tolerance: frames by which a right answer may be off; None: 10, and 1 of ``vprbench``.

    Raises:
        FileNotFoundError: the images are in none of the usual folders.
        ValueError: the folder holds the other variant, or the truth beside the images says otherwise.
    """
    root = Path(root)
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of two sets that cannot be compared: {'; '.join(VARIANTS.values())}")
    reach = DEFAULT[variant] if tolerance is None else tolerance
    name = f"nordland-{variant}"
    if variant == "vprbench":
        if not (root / "ref").is_dir() and not (root / "Nordland_dbImages.npy").is_file() and _frames(root) is not None:
            raise _other(root, "patchnetvlad")
        database, queries, truth = of_bench(root, lists="Nordland")
        if len(queries) != -(-len(database) // EVERY):
            raise ValueError(_counts(root, database, queries, f"a query for {EVERY} database images"))
        split = in_step(
            name=name, root=root, database=database, queries=queries, unit="frame", tolerance=reach, every=EVERY
        )
        if reach == DEFAULT[variant]:
            check_truth(split, truth, hint="query i is right with 10 i and its two neighbours: truth of another set")
    else:
        found = _frames(root)
        if found is None:
            if (root / "ref").is_dir() or (root / "Nordland_dbImages.npy").is_file():
                raise _other(root, "vprbench")
            raise FileNotFoundError(f"root {root}: none of the trees is there that 'vpr data fetch nordland' shows")
        (database, places), (queries, asked) = found
        if len(database) != len(queries):
            raise ValueError(_counts(root, database, queries, "as many"))
        split = in_step(
            name=name,
            root=root,
            database=database,
            queries=queries,
            unit="frame",
            tolerance=reach,
            frames=(places, asked),
        )
    return SetOnDisk(
        name="nordland", root=root, make={"test": lambda: split}, counts={"test": NORDLAND.counts[variant]}
    )


def _frames(root: Path) -> list[tuple[list[str], list[int]]] | None:
    """Return names and frames of database and queries of the variant patchnetvlad, None if it is not here."""
    folder = split_folder(root, "test")
    if folder is not None:
        return [made_up_frames(folder / side, root=root, metres=STEP) for side in ("database", "queries")]
    if (root / NAMES[0]).is_file():
        lists = [listed_names(root / name, root=root) for name in NAMES]
        return [(names, list(range(len(names)))) for names in lists]
    if not (root / "summer").is_dir():
        return None
    sides = [numbered_names(root / season, root=root, gaps=True) for season in ("summer", "winter")]
    stems = [[Path(name).stem for name in names] for names in sides]
    if stems[0] != stems[1]:
        alone = sorted(set(stems[0]) ^ set(stems[1]))
        raise ValueError(
            f"root {root}: {len(alone)} frames are in one of summer and winter only, such as {alone[0]}; the cleaned "
            f"frames have one number on both sides: give Patch-NetVLAD's lists ({NAMES[0]}, {NAMES[1]})"
        )
    return [(names, list(range(len(names)))) for names in sides]


def _other(root: Path, variant: str) -> ValueError:
    return ValueError(
        f"root {root}: holds the other set of this name ({VARIANTS[variant]}); say variant: {variant}, whose recalls "
        "cannot be compared with this one's"
    )


def _counts(root: Path, database: Sequence[str], queries: Sequence[str], wanted: str) -> str:
    return (
        f"root {root}: {len(queries)} queries for {len(database)} database images; this variant has {wanted}. "
        f"{'; '.join(VARIANTS.values())}"
    )
