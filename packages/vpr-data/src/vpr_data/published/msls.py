"""Mapillary Street-Level Sequences (Warburg et al. 2020, CVPR): thirty cities, seasons, years, day and night."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from vpr_data.places.splits import PlaceSplit
from vpr_data.published.at_names import split_folder, split_of_names
from vpr_data.published.entry import Counts, Published
from vpr_data.published.msls_lists import BEGIN, listed_val
from vpr_data.published.msls_sequences import split_of_sequences
from vpr_data.published.msls_splits import MslsOptions, Protocol, Subtask, Task, split_of_cities
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["CITIES", "MSLS", "msls"]

CITIES = {
    "train": (
        "trondheim", "london", "amsterdam", "melbourne", "saopaulo", "paris", "phoenix", "austin", "boston", "zurich",
        "budapest", "ottawa", "goa", "amman", "nairobi", "manila", "toronto", "tokyo", "bangkok", "moscow", "berlin",
        "helsinki",
    ),
    "val": ("cph", "sf"),
    "test": ("miami", "athens", "buenosaires", "stockholm", "bengaluru", "kampala"),
}  # fmt: skip
"""Folders of each split: 22, 2 and 6 cities."""
ABOVE = {"train": "train_val", "val": "train_val", "test": "test"}
OF_CITY: dict[tuple[str, ...], Counts] = {("cph",): Counts(12_556, 498), ("sf",): Counts(6_315, 242)}

MSLS = Published(
    name="msls",
    what="thirty cities, years apart, day and night, as sequences",
    protocols=("msls-val@25m", "msls-val-joined@25m", "msls-val-merged@25m"),
    counts={"val": Counts(18_871, 740), "test": Counts(36_565, 1_135)},
    ask="the form at https://www.mapillary.com/dataset/places: images_vol_1 to 6, metadata.zip and patch_v1.1.zip, all "
    "unpacked in one place",
    layout="""\
train_val/<city>/query/images/<key>.jpg, train_val/<city>/database/images/<key>.jpg
train_val/<city>/{query,database}/raw.csv, postprocessed.csv, seq_info.csv, subtask_index.csv
test/<city>/{query,database}/images, seq_info.csv, subtask_index.csv
or msls_val_dbImages.npy, msls_val_qImages.npy and truth (GSV-Cities, OpenVPRLab): protocol: joined
or images/val/database/@easting@northing@...@.jpg (VPR-datasets-downloader): protocol: merged""",
    terms="Mapillary's own terms, which the form asks to accept",
    licence="Mapillary's own terms",
    notes="val has 740 counted queries of 747 (the others have no image within 25 m) and no panoramas. `msls-val` "
    "searches each city alone, as the benchmark does; `msls-val-joined` the same queries in both cities at once, "
    "as most papers since GSV-Cities; `msls-val-merged` is every query that is no panorama, about 11,084, as "
    "VPR-datasets-downloader writes them: three numbers that must not be compared. The truth of test is with the "
    "benchmark's server: `vpr eval --split test --predictions answers.zip` writes the file it takes. `task` and "
    "`length` ask the benchmark's sequence tasks, such as `msls-val-seq2seq3`",
)


def msls(
    *,
    root: Path | str,
    protocol: Protocol = "city",
    subtask: Subtask = "all",
    cities: Sequence[str] | None = None,
    sequences: bool = False,
    task: Task = "im2im",
    length: int = 3,
) -> SetOnDisk:
    """Return MSLS: right within 25 m.

    Args:
        root: with ``train_val`` and ``test``.
        protocol: ``city`` (the benchmark's), ``joined`` or ``merged``: see ``MSLS.notes``.
        subtask: of the benchmark: from summer to winter, old to new, day to night, and back; or ``all``.
        cities: folders; None: all of the split. Another choice is another protocol.
        sequences: every frame that is no panorama, in the order of its drive, for ``sequence: {type: msls}``; the
            counted queries are the subset ``counted``.
        task: of the benchmark, for val and test: image or sequence against images or sequences
            (`vpr_data.published.msls_sequences`); ``sequence: {type: msls}`` of the same task and length answers them.
        length: frames of a sequence, odd: 3 or 5 in the benchmark.

    Raises:
        FileNotFoundError: a city or table is missing.
        ValueError: tables do not fit, or options that this tree cannot answer.
    """
    root = Path(root)
    options = MslsOptions(protocol=protocol, subtask=subtask, sequences=sequences, task=task, length=length)
    if not (root / "train_val").is_dir() and not (root / "test").is_dir():
        if (root / f"{BEGIN}_dbImages.npy").is_file():
            _only(options, cities, "joined", "lists of names and right answers know neither positions nor subtasks")
            return SetOnDisk(
                name="msls", root=root, make={"val": partial(listed_val, root)}, counts={"val": MSLS.counts["val"]}
            )
        folder = split_folder(root, "val")
        if folder is not None:
            _only(options, cities, "merged", "VPR-datasets-downloader keeps every query and both cities in one folder")
            make = partial(
                split_of_names,
                split="val",
                set_name="msls-val-merged",
                root=root,
                database=folder / "database",
                queries={"": folder / "queries"},
            )
            return SetOnDisk(name="msls", root=root, make={"val": make}, counts={})
        raise FileNotFoundError(
            f"root {root}: has no folder train_val (nor the trees of other tools); 'vpr data fetch msls' shows them"
        )
    return _of_tables(root, options, cities)


def _of_tables(root: Path, options: MslsOptions, cities: Sequence[str] | None) -> SetOnDisk:
    known = {city: split for split, names in CITIES.items() for city in names}
    unknown = [city for city in cities or () if city not in known]
    if unknown or (cities is not None and len(set(cities)) != len(cities)) or cities == []:
        raise ValueError(f"cities must be some of {', '.join(known)}, each once, got {list(cities or ())}")
    make: dict[str, Callable[[], PlaceSplit]] = {}
    absent: list[Path] = []
    counts: dict[str, Counts] = {}
    for split, names in CITIES.items():
        wanted = tuple(city for city in names if cities is None or city in cities)
        folders = {city: root / ABOVE[split] / city for city in wanted}
        missing = [folder for folder in folders.values() if not folder.is_dir()]
        absent += missing
        if not wanted or len(missing) == len(wanted) or (split == "train" and missing):
            continue
        label = "" if wanted == names else "-" + "+".join(wanted)
        single = options.task == "im2im" or split == "train"
        of: Callable[..., PlaceSplit] = split_of_cities if single else split_of_sequences
        make[split] = partial(of, split, folders, options, root=root, label=label)
        published = MSLS.counts.get(split) if wanted == names else OF_CITY.get(wanted)
        if (
            published is not None
            and options.subtask == "all"
            and options.protocol != "merged"
            and not options.sequences
            and options.task == "im2im"
        ):
            counts[split] = published
    return SetOnDisk(name="msls", root=root, make=make, counts=counts, absent=absent)


def _only(options: MslsOptions, cities: Sequence[str] | None, protocol: Literal["joined", "merged"], why: str) -> None:
    """Refuse options that a tree cannot answer."""
    if options != MslsOptions(protocol=protocol) or cities is not None:
        raise ValueError(
            f"protocol: this tree is that of {protocol!r}, and of nothing else ({why}), so that its recall is "
            f"msls-val-{protocol}'s: say protocol: {protocol} and no other option, or give the root with train_val"
        )
