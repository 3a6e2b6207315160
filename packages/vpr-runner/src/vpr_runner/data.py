"""The data set that a run file names, and its splits, with errors that say what there is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import vpr_data
from vpr_core import UsageError
from vpr_data.places.checks import position_warnings

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.types import Dataset, PlaceSplit

__all__ = ["open_dataset", "split_named", "split_of"]

log = logging.getLogger(__name__)


def open_dataset(dataset: ComponentConfig, registry: Registry) -> Dataset:
    """Build the data set that a run file's block ``dataset`` describes."""
    built: Dataset = registry.build("dataset", dataset)
    return built


def split_named(dataset: Dataset, name: str, *, purpose: str) -> PlaceSplit:
    """Return a split, with a warning where its positions look wrong.

    Raises:
        UsageError: there is none of that name; names the splits there are.
    """
    if not dataset.split_names:
        raise UsageError(
            f"dataset: {purpose} needs the split {name!r} of a data set, and there is none; name one in the run file, "
            "or with --set 'dataset={type: folder, root: DIR}'"
        )
    if name not in dataset.split_names:
        raise UsageError(
            f"dataset: no split named {name!r}, which {purpose} needs; there is {', '.join(dataset.split_names)}"
        )
    split = dataset.split(name)
    if isinstance(split, vpr_data.PlaceSplit):
        for warning in position_warnings(split):
            log.warning("split %r: %s", name, warning)
    return split


def split_of(dataset: ComponentConfig, registry: Registry, *, name: str) -> PlaceSplit:
    """Return one split of the data set that a run file's block ``dataset`` describes."""
    return split_named(open_dataset(dataset, registry), name, purpose="eval.split")
