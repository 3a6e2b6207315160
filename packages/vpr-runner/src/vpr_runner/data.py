"""The data set that a run file names, and its splits, with errors that say what there is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import vpr_data
from vpr_core import UsageError
from vpr_data.places.checks import position_warnings

if TYPE_CHECKING:
    from vpr_core import Registry, RunConfig
    from vpr_core.types import Dataset, PlaceSplit

__all__ = ["fingerprint_of_data", "open_dataset", "split_named", "split_of"]

log = logging.getLogger(__name__)


def open_dataset(config: RunConfig, registry: Registry) -> Dataset:
    """Build the data set of a run file."""
    dataset: Dataset = registry.build("dataset", config.dataset)
    return dataset


def fingerprint_of_data(dataset: Any) -> str | None:
    """Return what a data set says identifies its content, or None when it says nothing."""
    fingerprint = getattr(dataset, "fingerprint", None)
    return str(fingerprint()) if callable(fingerprint) else None


def split_named(dataset: Dataset, name: str, *, purpose: str) -> PlaceSplit:
    """Return a split, with a warning where its positions look wrong.

    Raises:
        UsageError: there is none of that name; names the splits there are.
    """
    if name not in dataset.split_names:
        raise UsageError(
            f"dataset: no split named {name!r}, which {purpose} needs; there is {', '.join(dataset.split_names)}"
        )
    split = dataset.split(name)
    if isinstance(split, vpr_data.PlaceSplit):
        for warning in position_warnings(split):
            log.warning("split %r: %s", name, warning)
    return split


def split_of(config: RunConfig, registry: Registry, *, name: str | None = None) -> PlaceSplit:
    """Return the split ``name`` (None: ``eval.split``) of the run file's data set."""
    wanted = config.eval.split if name is None else name
    return split_named(open_dataset(config, registry), wanted, purpose="eval.split")
