"""Data sets of a suite, each built once however many cells use it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vpr_runner.data import open_dataset, split_named
from vpr_runner.evaluation.data_fingerprint import fingerprint_of_data
from vpr_runner.evaluation.memo import Memo

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry
    from vpr_core.types import Dataset, PlaceSplit

__all__ = ["DataSets"]


class DataSets:
    """Builds and remembers data sets and their splits."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._sets: dict[str, Dataset] = {}
        self._splits: dict[tuple[str, str], PlaceSplit] = {}
        self._fingerprints: dict[str, str | None] = {}
        self.descriptors = Memo()
        """What cells that differ behind the network only need not encode again."""

    def of(self, block: ComponentConfig) -> Dataset:
        """Return the data set that ``block`` describes."""
        key = _key(block)
        if key not in self._sets:
            self._sets[key] = open_dataset(block, self._registry)
        return self._sets[key]

    def split(self, block: ComponentConfig, name: str) -> PlaceSplit:
        """Return one split of it."""
        key = (_key(block), name)
        if key not in self._splits:
            self._splits[key] = split_named(self.of(block), name, purpose="eval.split")
        return self._splits[key]

    def fingerprint(self, block: ComponentConfig) -> str | None:
        """Return what identifies the data set and its images, or None when the data set says nothing."""
        key = _key(block)
        if key not in self._fingerprints:
            self._fingerprints[key] = fingerprint_of_data(self.of(block))
        return self._fingerprints[key]


def _key(block: ComponentConfig) -> str:
    return json.dumps(block.model_dump(mode="json"), sort_keys=True)
