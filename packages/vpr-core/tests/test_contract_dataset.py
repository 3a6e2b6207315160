"""The data set contract passes a sound set and catches each fault, and nothing but that fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import Field

from vpr_core import ComponentConfig, DatasetSpec
from vpr_core.testing import DatasetContract, Trial, breaches


class Config(ComponentConfig):
    type: Literal["road"] = "road"
    root: Path = Field(description="Folder.")
    radius: float = Field(default=25.0, gt=0, description="Metres.")
    seed: int = Field(default=0, ge=0, description="Seed.")


@dataclass
class Images:
    root: Path
    names: Sequence[str]
    xy: Any
    time: Any = None
    place: Any = None

    def __len__(self) -> int:
        return len(self.names)

    def path(self, position: int) -> Path:
        return self.root / self.names[position]


@dataclass
class Protocol:
    radius: float


class Split:
    def __init__(self, name: str, database: Images, queries: Images, radius: float) -> None:
        self.name, self.database, self.queries, self.protocol = name, database, queries, Protocol(radius)

    def positives(self) -> Sequence[Any]:
        return self.within(self.protocol.radius)

    def within(self, radius: float, *, beyond: float | None = None, different_time: bool = False) -> Sequence[Any]:
        if different_time and self.queries.time is None:
            raise ValueError("no time stamps")
        gap = self.gap()
        near = gap <= radius
        if beyond is not None:
            near &= gap > beyond
        if different_time:
            near &= self.queries.time[:, None] != self.database.time[None]
        return [np.flatnonzero(row).astype(np.int64) for row in near]

    def gap(self) -> Any:
        return np.linalg.norm(self.queries.xy[:, None] - self.database.xy[None], axis=2)


class Road:
    """A sound data set: 30 database images and 8 queries along a road."""

    split_names: Any = ("val", "test")
    split_class = Split

    def __init__(self, config: Config) -> None:
        self.config = config

    def split(self, name: str) -> Any:
        if name not in self.split_names:
            raise ValueError(f"name must be one of {', '.join(self.split_names)}, got {name!r}")
        return self.split_class(name, self.images(f"{name}-db", 30), self.images(f"{name}-q", 8), self.config.radius)

    def images(self, prefix: str, count: int) -> Images:
        generator = np.random.default_rng([self.config.seed, len(prefix), count])
        names = [f"{prefix}-{number}.jpg" for number in range(count)]
        for name in names:
            (self.config.root / name).write_bytes(b"x")
        xy = np.sort(generator.uniform(0, 300, size=(count, 2)), axis=0)
        return Images(self.config.root, names, xy, generator.integers(3, size=count))

    def fingerprint(self) -> str:
        return f"road {self.config.seed} {self.config.radius}"


def trial(folder: Path) -> dict[str, Any]:
    return {"root": folder}


def found_in(dataset: Any) -> dict[str, str]:
    spec: DatasetSpec[Any] = DatasetSpec(name="road", config=Config, build=dataset, summary="A road.")
    return breaches(DatasetContract, spec, Trial(parameters=trial, inert={"root": "a folder"}))


def test_a_sound_data_set_keeps_the_contract() -> None:
    assert found_in(Road) == {}


def with_split(**methods: Any) -> type[Road]:
    """A road whose splits have other methods."""
    return type("Broken", (Road,), {"split_class": type("BrokenSplit", (Split,), methods)})


def with_images(change: Any) -> type[Road]:
    """A road whose image sets are changed."""

    class Broken(Road):
        def images(self, prefix: str, count: int) -> Images:
            images = super().images(prefix, count)
            change(images)
            return images

    return Broken


def rows_with(value: int) -> Any:
    def positives(self: Split) -> Sequence[Any]:
        rows = list(self.within(self.protocol.radius))
        rows[3] = np.append(rows[3], value)
        return rows

    return positives


def nearly(self: Split) -> Any:
    gap = np.linalg.norm(self.queries.xy[:, None] - self.database.xy[None], axis=2)
    return gap * np.linspace(0.7, 1.3, gap.shape[1])


def nan_position(images: Images) -> None:
    images.xy[2] = np.nan


def one_missing(images: Images) -> None:
    images.path(4).unlink()


def empty_file(images: Images) -> None:
    images.path(4).write_bytes(b"")


def repeated(images: Images) -> None:
    images.names = [images.names[1], *images.names[1:]]


def float32(images: Images) -> None:
    images.xy = images.xy.astype(np.float32)


def short_time(images: Images) -> None:
    images.time = images.time[:-1]


class Timeless(Road):
    def images(self, prefix: str, count: int) -> Images:
        images = super().images(prefix, count)
        images.time = None
        return images


class AnswersWithoutTime(Timeless):
    split_class = type(
        "AnyTime",
        (Split,),
        {
            "within": lambda self, radius, *, beyond=None, different_time=False: Split.within(
                self, radius, beyond=beyond
            )
        },
    )


class WrapsAround(Road):
    def images(self, prefix: str, count: int) -> Images:
        images = super().images(prefix, count)
        return type(
            "Wraps", (Images,), {"path": lambda self, position: self.root / self.names[position % len(self.names)]}
        )(images.root, images.names, images.xy, images.time)


class AnySplit(Road):
    def split(self, name: str) -> Any:
        return super().split(name if name in self.split_names else "val")


class SilentSplit(Road):
    def split(self, name: str) -> Any:
        if name not in self.split_names:
            raise KeyError(name)
        return super().split(name)


class ListOfSplits(Road):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.split_names = list(Road.split_names)


class Shuffled(Road):
    def images(self, prefix: str, count: int) -> Images:
        images = super().images(prefix, count)
        images.xy = images.xy[np.random.default_rng().permutation(count)]
        return images


class ForgetsSeed(Road):
    def __init__(self, config: Config) -> None:
        super().__init__(Config(root=config.root, radius=config.radius))


class OneWay(Road):
    """Queries are the database; nearness is measured with a sign."""

    def split(self, name: str) -> Any:
        split = super().split(name)
        split.queries = split.database
        return split

    split_class = type(
        "Signed",
        (Split,),
        {
            "gap": lambda self: np.abs(
                np.where((d := self.queries.xy[:, None, 0] - self.database.xy[None, :, 0]) < 0, 2 * d, d)
            )
        },
    )


UNSORTED = with_split(positives=lambda self: [row[::-1] for row in self.within(self.protocol.radius)])
BROKEN: dict[str, tuple[Any, dict[str, str]]] = {
    "out of range": (
        with_split(positives=rows_with(30)),
        {
            "test_positives": "lie outside the database of 30",
            "test_positives_obey_the_protocol": "which within(25), the protocol's",
        },
    ),
    "negative": (
        with_split(positives=lambda self: [np.insert(row, 0, -1) for row in self.within(25)]),
        {"test_positives": "[-1] lie outside the database", "test_positives_obey_the_protocol": "[-1]"},
    ),
    "unsorted": (UNSORTED, {"test_positives": "the row is not sorted, or has a position twice"}),
    "int32": (
        with_split(positives=lambda self: [row.astype(np.int32) for row in self.within(self.protocol.radius)]),
        {"test_positives": "a row must be an int64 array (n,), got int32"},
    ),
    "too few rows": (
        with_split(positives=lambda self: self.within(self.protocol.radius)[:-1]),
        {"test_positives": "7 rows for 8 queries", "test_positives_obey_the_protocol": ""},
    ),
    "fewer positives than within": (
        with_split(positives=lambda self: [row[:-1] for row in self.within(self.protocol.radius)]),
        {
            "test_positives_obey_the_protocol": "which positives() has not; if the protocol leaves them out, let it "
            "say so"
        },
    ),
    "positives beyond the radius": (
        with_split(positives=lambda self: self.within(self.protocol.radius + 20)),
        {"test_positives_obey_the_protocol": "which within(25), the protocol's radius, has not"},
    ),
    "wrong distance": (with_split(gap=nearly), {"test_within_is_what_it_says": "measured in xy"}),
    "deaf to beyond": (
        with_split(
            within=lambda self, radius, *, beyond=None, different_time=False: Split.within(
                self, radius, different_time=different_time
            )
        ),
        {"test_within_is_what_it_says": "within(25, beyond=6.25): database image"},
    ),
    "deaf to time": (
        with_split(
            within=lambda self, radius, *, beyond=None, different_time=False: Split.within(self, radius, beyond=beyond)
        ),
        {"test_other_times": "different_time=True), query 1"},
    ),
    "answers without time": (
        AnswersWithoutTime,
        {"test_other_times": "answers, though there are no time stamps; raise ValueError"},
    ),
    "one way": (OneWay, {"test_symmetric": "near one way only", "test_within_is_what_it_says": "measured in xy"}),
    "NaN position": (
        with_images(nan_position),
        {"test_image_sets": "1 positions are not finite, first that of 'val-db-2.jpg'"},
    ),
    "missing file": (with_images(one_missing), {"test_files_exist": "image 4 (val-db-4.jpg) is not at"}),
    "empty file": (with_images(empty_file), {"test_files_exist": "image 4 (val-db-4.jpg) is not at"}),
    "repeated name": (with_images(repeated), {"test_image_sets": "'val-db-1.jpg' is listed twice"}),
    "float32": (with_images(float32), {"test_image_sets": "xy must be float64 (30, 2), got float32 (30, 2)"}),
    "short time": (
        with_images(short_time),
        {"test_image_sets": "time must be int64 (30,) or None, got int64 (29,)", "test_other_times": ""},
    ),
    "wraps around": (WrapsAround, {"test_files_exist": "path(30) returns"}),
    "any split": (AnySplit, {"test_split_names": "is not an error; raise ValueError that lists the splits"}),
    "silent about splits": (SilentSplit, {"test_split_names": "list the splits: val, test"}),
    "list of splits": (ListOfSplits, {"test_split_names": "split_names must be a tuple of names"}),
    "shuffled": (
        Shuffled,
        {
            "test_same_every_time": "built twice it differs; sort what the file system lists",
            "test_config_fields_matter": "built twice",
        },
    ),
    "forgets a field": (ForgetsSeed, {"test_config_fields_matter": "the field 'seed' changes nothing: 0 and 1"}),
}


@pytest.mark.parametrize(("dataset", "expected"), BROKEN.values(), ids=[name.replace(" ", "_") for name in BROKEN])
def test_a_fault_is_caught_with_what_to_do(dataset: Any, expected: dict[str, str]) -> None:
    found = found_in(dataset)
    assert set(found) == set(expected)
    for test, said in expected.items():
        assert said in found[test]


def test_no_time_stamps_and_no_radius_are_fine() -> None:
    class Bare(Timeless):
        def split(self, name: str) -> Any:
            split = super().split(name)
            rows = split.positives()
            split.positives = lambda: rows
            split.protocol = "ten nearest frames"
            return split

        def fingerprint(self) -> str:
            return repr(self.config)

    assert found_in(Bare) == {}
