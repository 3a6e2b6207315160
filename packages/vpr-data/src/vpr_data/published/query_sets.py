"""Several sets of queries over one database: one split, whose database is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from vpr_data.places.splits import PlaceSplit
from vpr_data.published.at_names import nowhere, split_folder, split_of_names
from vpr_data.published.entry import Counts, Published
from vpr_data.published.on_disk import SetOnDisk

__all__ = ["with_query_sets"]


def with_query_sets(
    entry: Published,
    root: Path,
    *,
    known: Mapping[str, str],
    wanted: Sequence[str] | None,
    splits: Sequence[str] = ("train", "val", "test"),
    database: str = "database",
    set_name: str | None = None,
    counts: Mapping[str, Counts] | None = None,
) -> SetOnDisk:
    """Return a set whose ``test`` has several sets of queries over one database.

    Args:
        entry: of the catalogue.
        root: folder of the set.
        known: label to folder of each published query set.
        wanted: labels; None: those that are there.
        splits: that the set has.
        database: name of the database's folder.
        set_name: what protocols begin with; None: the set's name.
        counts: what is published; None: of the entry.

    Raises:
        FileNotFoundError: no split is there, or a wanted query set is not.
        ValueError: there is no such query set.
    """
    if wanted is not None and (not wanted or len(set(wanted)) != len(wanted) or not set(wanted) <= set(known)):
        raise ValueError(f"queries must be some of {', '.join(known)}, each once, got {list(wanted)}")
    name = set_name or entry.name
    taken = dict(entry.counts if counts is None else counts)
    make: dict[str, Callable[[], PlaceSplit]] = {}
    absent: list[Path] = []
    for split in splits:
        folder = split_folder(root, split, database=database)
        if folder is None:
            absent.append(root / "images" / split / database)
            continue
        sets = {"": folder / "queries"}
        if split == "test":
            sets, missing = _query_folders(folder, known, wanted)
            absent += missing
            if split in taken:
                taken[split] = _of_sets(taken[split], list(sets))
        make[split] = partial(
            split_of_names,
            split=split,
            set_name=f"{name}-{split}",
            root=root,
            database=folder / database,
            queries=sets,
        )
    if not make:
        raise nowhere(entry.name, root, database)
    return SetOnDisk(name=entry.name, root=root, make=make, counts=taken, absent=absent)


def _query_folders(
    folder: Path, known: Mapping[str, str], wanted: Sequence[str] | None
) -> tuple[dict[str, Path], list[Path]]:
    """Return the folders of the query sets, and those that are not there."""
    sets = {label: folder / known[label] for label in known if wanted is None or label in wanted}
    missing = [path for path in sets.values() if not path.is_dir()]
    if missing and (wanted is not None or len(missing) == len(sets)):
        raise FileNotFoundError(
            f"{missing[0]}: there is no such folder; the query sets are {', '.join(known.values())}, and 'queries' in "
            "the run file says which are asked"
        )
    return {label: path for label, path in sets.items() if path not in missing}, missing


def _of_sets(counts: Counts, labels: Sequence[str]) -> Counts:
    """The published numbers of some of the query sets."""
    subsets = {label: counts.subsets[label] for label in labels}
    return replace(counts, queries=sum(subsets.values()), subsets=subsets if len(subsets) > 1 else {})
