"""The data sets that a run file can name. Loaded by hosts only: ``import vpr_data`` does not touch it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from vpr_core import ComponentConfig, DatasetSpec, hookimpl
from vpr_data.published.plugin import published_datasets

if TYPE_CHECKING:
    from vpr_core.types import Dataset

__all__ = [
    "CityConfig",
    "FolderConfig",
    "NoneConfig",
    "PairsConfig",
    "vpr_datasets",
]

Meaning = Literal["name", "x", "y", "lat", "lon", "zone", "frame", "time", "place", "drive", "split", "role", "latlon"]


class NoneConfig(ComponentConfig):
    """No data set: images are named where they are needed."""

    type: Literal["none"] = "none"


class PairsConfig(ComponentConfig):
    """Parameters of `vpr_data.PairsDataset`."""

    type: Literal["pairs"] = "pairs"
    root: Path = Field(description="folder that image names are relative to")
    database: Path = Field(
        Path("database"), description="list of names (text, .npy, .json), or folder of numbered files"
    )
    queries: Path = Field(Path("queries"), description="list of names (text, .npy, .json), or folder of numbered files")
    truth: Path | None = Field(None, description="right answers of each query: .csv, .json or .npy; or take tolerance")
    tolerance: int | None = Field(None, ge=0, description="query i is right with database image i - k to i + k")
    ignore: Path | None = Field(
        None, description="answers that are neither right nor wrong, of the same forms as truth"
    )
    asked: Path | None = Field(None, description="which of the listed queries are asked (.npy, .json); null: all")
    name: str | None = Field(None, min_length=1, description="name in protocols; null: that of the root folder")
    queries_without_positives: Literal["count", "exclude"] = Field(
        "count", description="count them as failed, or leave them out"
    )

    @model_validator(mode="after")
    def _one_truth(self) -> Self:
        if (self.truth is None) == (self.tolerance is None):
            raise ValueError("truth: name a file of right answers, or give tolerance (one of the two)")
        return self


class CityConfig(ComponentConfig):
    """Parameters of `vpr_data.city.CityDataset`."""

    type: Literal["city"] = "city"
    size: Literal["small", "bench", "large"] = Field(
        "bench", description="small: seconds, for tests; bench: a few thousand images; large: more than ten thousand"
    )
    root: Path | None = Field(None, description="cache folder; null: $VPR_CACHE, else the user's cache folder")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="another seed is another city")
    same_visit: bool = Field(
        False, description="training database: one more image for each query, taken in the query's own visit"
    )
    drives: bool = Field(
        False, description="also the split drives: one route driven twice, in other weather, faster, with a detour"
    )


class FolderConfig(ComponentConfig):
    """Parameters of `vpr_data.FolderDataset`."""

    type: Literal["folder"] = "folder"
    root: Path = Field(description="folder of the images; names in tables are relative to it")
    table: Path | None = Field(
        None, description="CSV or GeoJSON with a column role (database, queries) and perhaps split; relative to root"
    )
    database: Path | None = Field(None, description="table, list of names (.txt) or folder of the database images")
    queries: Path | None = Field(None, description="table, list of names (.txt) or folder of the queries")
    positions: Literal["auto", "names", "exif"] = Field(
        "auto", description="where positions come from if no table has them: @easting@northing@ names, or EXIF GPS"
    )
    npz: Path | None = Field(None, description="file with positions as arrays utmDb and utmQ, in the images' order")
    gpx: Path | None = Field(
        None, description="track of a receiver (GPX): images lie where it was when they were taken; relative to root"
    )
    gpx_offset: float = Field(
        0.0,
        ge=-200_000_000,
        le=200_000_000,
        description="seconds to add to the images' times: a camera's clock or zone",
    )
    columns: dict[Meaning, str] = Field(
        default_factory=dict, description="meaning to header of the table, such as {x: pseudo_east_m}"
    )
    name: str | None = Field(
        None, min_length=1, max_length=64, description="name in the protocol; null: the name of root"
    )
    unit: Literal["m", "frame", "place"] = Field(
        "m", description="of distances: metres, frames, or place (right if the labels are equal)"
    )
    radius: float | None = Field(
        None, ge=0, description="an answer is right within this; null: 25 m, 10 frames, the same place"
    )
    positive: float | None = Field(
        None, ge=0, description="training: potential positives are within this; null: 10 m, or the radius"
    )
    beyond: float | None = Field(None, ge=0, description="training: and farther than this; null: no lower bound")
    negative: float | None = Field(
        None, ge=0, description="training: negatives are beyond this; null: 25 m, or twice the radius"
    )
    different_time: bool = Field(False, description="training: a positive has another time stamp than the query")
    negatives_exclude_same_place: bool = Field(
        False, description="training: an image with the query's place label is never a negative"
    )
    group: int | None = Field(
        None, ge=1, le=10_000, description="database images of one panorama, of which a ranking keeps the first"
    )
    ignore_same_time: bool = Field(False, description="answers with the query's time stamp do not count")
    queries_without_positives: Literal["count", "exclude"] = Field(
        "count", description="count a query that has no right answer as failed, or leave it out"
    )

    @model_validator(mode="after")
    def _sources_fit(self) -> Self:
        if (self.database is None) != (self.queries is None):
            raise ValueError("database and queries belong together; give both or neither")
        if self.table is not None and self.database is not None:
            raise ValueError("table holds database and queries; give either table, or database and queries")
        return self


def _city(config: CityConfig) -> Dataset:
    from vpr_data.city import CityDataset

    return CityDataset(
        size=config.size, root=config.root, seed=config.seed, same_visit=config.same_visit, drives=config.drives
    )


def _pairs(config: PairsConfig) -> Dataset:
    from vpr_data.truth.pairs import PairsDataset

    return PairsDataset(**config.model_dump(exclude={"type"}))


def _none(config: NoneConfig) -> Dataset:
    from vpr_data.places.nothing import NoDataset

    return NoDataset()


def _folder(config: FolderConfig) -> Dataset:
    from vpr_data.tables.folders import FolderDataset, training_radii

    return FolderDataset(
        root=config.root,
        table=config.table,
        database=config.database,
        queries=config.queries,
        positions=config.positions,
        npz=config.npz,
        gpx=config.gpx,
        gpx_offset=config.gpx_offset,
        columns={str(meaning): header for meaning, header in config.columns.items()},
        name=config.name,
        unit=config.unit,
        radius=config.radius,
        training=training_radii(
            unit=config.unit,
            radius=config.radius,
            positive=config.positive,
            beyond=config.beyond,
            negative=config.negative,
            different_time=config.different_time,
            negatives_exclude_same_place=config.negatives_exclude_same_place,
        ),
        group=config.group,
        ignore_same_time=config.ignore_same_time,
        queries_without_positives=config.queries_without_positives,
    )


@hookimpl
def vpr_datasets() -> Iterator[DatasetSpec[Any]]:
    """Yield the city, any folder, the published sets, and lists of right answers."""
    yield DatasetSpec(
        name="city", config=CityConfig, build=_city, summary="rendered city that needs no download, seeded"
    )
    yield DatasetSpec(
        name="folder", config=FolderConfig, build=_folder, summary="your images: table, @x@y@ names or EXIF positions"
    )
    yield from published_datasets()
    yield DatasetSpec(
        name="pairs",
        config=PairsConfig,
        build=_pairs,
        summary="right answers as lists: .csv, .json, or published .npy files",
    )
    yield DatasetSpec(
        name="none", config=NoneConfig, build=_none, summary="no data set: for maps, and for images on the command line"
    )
