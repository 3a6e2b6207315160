"""Batches of places: every place once an epoch, keyed, labels right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vpr_core import UsageError
from vpr_runner.data import split_of
from vpr_runner.encoding.compute import Compute
from vpr_runner.training.places import PlaceSet


@pytest.fixture
def work(make_config, engine_registry):
    config = make_config(train={"places_per_batch": 5, "images_per_place": 2})
    return config, split_of(config.dataset, engine_registry, name="train"), Compute.of(config.compute, config.image)


def test_every_place_once_with_its_images(work) -> None:
    config, split, compute = work
    places = PlaceSet.prepare(split, config.train, compute)
    batches = places.batches(config.train, config.seed, 0)
    assert [len(batch) for batch in batches] == [10, 10, 4]
    met = np.concatenate(batches)
    assert sorted(met.tolist()) == list(range(24))
    for batch in batches:
        counts = np.unique(places.labels[batch], return_counts=True)[1]
        assert (counts == 2).all()
    for position in range(24):
        assert places.images.names[position].endswith(f"{places.labels[position]:03d}.png")


def test_the_draw_is_a_function_of_seed_and_epoch(work, make_config) -> None:
    config, split, compute = work
    places = PlaceSet.prepare(split, config.train, compute)

    def flat(config, epoch: int) -> list[int]:
        return np.concatenate(places.batches(config.train, config.seed, epoch)).tolist()

    assert flat(config, 1) == flat(config, 1)
    assert flat(config, 1) != flat(config, 2)
    other = make_config(seed=1, train={"places_per_batch": 5, "images_per_place": 2})
    assert flat(other, 1) != flat(config, 1)


def test_a_last_batch_with_one_place_holds_no_negative(work, make_config) -> None:
    _, split, compute = work
    config = make_config(train={"places_per_batch": 11, "images_per_place": 2})
    assert [len(b) for b in PlaceSet.prepare(split, config.train, compute).batches(config.train, config.seed, 0)] == [
        22
    ]


def test_images_without_places_are_refused(work) -> None:
    config, split, compute = work
    bare = replace(split, queries=replace(split.queries, place=None))
    with pytest.raises(UsageError, match="split 'train' has no place labels"):
        PlaceSet.prepare(bare, config.train, compute)
    alone = replace(
        split,
        queries=replace(split.queries, place=np.full(12, -1)),
    )
    with pytest.raises(UsageError, match="no place of split 'train' has two images"):
        PlaceSet.prepare(alone, config.train, compute)


def in_regions(split, region_of_place):
    """The split with a region for each image."""

    class Regional:
        def __init__(self, images) -> None:
            self._images = images
            self.region = np.array([region_of_place(place) for place in images.place], dtype=np.int64)

        def __len__(self) -> int:
            return len(self._images)

        def __getattr__(self, name: str):
            return getattr(self._images, name)

    class Split:
        name, database, queries = split.name, Regional(split.database), Regional(split.queries)

    return Split


def test_a_batch_is_of_one_region(work, make_config) -> None:
    """Twelve places, the first seven in region 4, the others in region 2: batches of 3, 3, (1) and 3, 2."""
    _, split, compute = work
    config = make_config(train={"places_per_batch": 3, "images_per_place": 2})
    places = PlaceSet.prepare(in_regions(split, lambda place: 4 if place < 7 else 2), config.train, compute)
    turns = set()
    for epoch in range(6):
        batches = places.batches(config.train, config.seed, epoch)
        assert sorted(len(batch) for batch in batches) == [4, 6, 6, 6]
        regions = [{4 if places.labels[position] < 7 else 2 for position in batch} for batch in batches]
        assert all(len(region) == 1 for region in regions)
        met = np.concatenate(batches)
        assert len(set(met.tolist())) == 22  # one place of seven is alone in its batch, and left out
        turns.add(tuple(next(iter(region)) for region in regions))
        again = places.batches(config.train, config.seed, epoch)
        assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))
    assert len(turns) > 1


def test_places_without_negatives_are_refused(work) -> None:
    config, split, compute = work
    with pytest.raises(UsageError, match="no two places of split 'train' have two images each and lie in one region"):
        PlaceSet.prepare(in_regions(split, int), config.train, compute)
    lonely = replace(
        split,
        queries=replace(split.queries, place=np.where(np.arange(12) == 5, split.queries.place, -1)),
        database=replace(split.database, place=np.where(np.arange(12) == 5, split.database.place, -1)),
    )
    with pytest.raises(UsageError, match="no two places of split 'train' have two images each; a batch needs"):
        PlaceSet.prepare(lonely, config.train, compute)
