"""The published sets that a run file can name. Loaded by hosts only, as `vpr_data.plugin` is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from vpr_core import ComponentConfig, DatasetSpec
from vpr_data.published.registered import REGISTERED

if TYPE_CHECKING:
    from vpr_core.types import Dataset

__all__ = ["published_datasets"]


class _AtRoot(ComponentConfig):
    root: Path = Field(description="folder of the set; 'vpr data fetch' shows the layout")


class _WithMetadata(_AtRoot):
    metadata: Path | None = Field(
        None, description="folder of the .mat files; null: root, its folder datasets, or the one beside root"
    )


class Pitts30kConfig(_WithMetadata):
    """Parameters of `vpr_data.pitts30k`."""

    type: Literal["pitts30k"] = "pitts30k"


class Pitts250kConfig(_WithMetadata):
    """Parameters of `vpr_data.pitts250k`."""

    type: Literal["pitts250k"] = "pitts250k"


class Tokyo247Config(_WithMetadata):
    """Parameters of `vpr_data.tokyo247`."""

    type: Literal["tokyo247"] = "tokyo247"


class TokyoTMConfig(_WithMetadata):
    """Parameters of `vpr_data.tokyo_tm`."""

    type: Literal["tokyo_tm"] = "tokyo_tm"


class MSLSConfig(_AtRoot):
    """Parameters of `vpr_data.published.msls.msls`."""

    type: Literal["msls"] = "msls"
    protocol: Literal["city", "joined", "merged"] = Field(
        "city", description="city: each searched alone (the benchmark); joined: in one; merged: every query, in one"
    )
    subtask: Literal["all", "s2w", "w2s", "o2n", "n2o", "d2n", "n2d"] = Field(
        "all", description="summer to winter, old to new, day to night, and back"
    )
    cities: tuple[str, ...] | None = Field(
        None, min_length=1, description="folders, such as [cph]; null: all of a split"
    )
    sequences: bool = Field(False, description="every frame in its drive's order, for sequence matchers")
    task: Literal["im2im", "im2seq", "seq2im", "seq2seq"] = Field(
        "im2im", description="of the benchmark, for val and test: images or sequences against either"
    )
    length: int = Field(3, ge=3, le=999, description="frames of a sequence, odd")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.length % 2 == 0:
            raise ValueError(f"length: {self.length} is even; a sequence has a middle frame: take {self.length + 1}")
        if self.task != "im2im" and (self.sequences or self.protocol == "merged"):
            raise ValueError(
                f"task: {self.task} has its own frames, of the benchmark; leave out sequences, and protocol: merged"
            )
        return self


class NordlandConfig(_AtRoot):
    """Parameters of `vpr_data.published.nordland.nordland`."""

    type: Literal["nordland"] = "nordland"
    variant: Literal["patchnetvlad", "vprbench"] | None = Field(
        None, description="has to be named: two sets that cannot be compared bear the name"
    )
    tolerance: int | None = Field(None, ge=0, description="frames; null: 10 (patchnetvlad), 1 (vprbench)")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.variant is None:
            raise ValueError(
                "variant: two sets that cannot be compared are called Nordland, name yours. patchnetvlad: database "
                "summer, queries winter, 27,592 each, 10 frames (Patch-NetVLAD, VPR-datasets-downloader). vprbench: "
                "database winter, 27,592, queries summer, every tenth, 2,760, 1 frame (VPR-Bench, GSV-Cities, SALAD, "
                "BoQ; often written Nordland*)"
            )
        return self


class SfXLConfig(_AtRoot):
    """Parameters of `vpr_data.published.sf_xl.sf_xl`."""

    type: Literal["sf_xl"] = "sf_xl"
    part: Literal["processed", "small"] = Field("processed", description="small: fewer database images, other recalls")
    queries: tuple[Literal["v1", "v2", "night", "occlusion"], ...] | None = Field(
        None, description="query sets of test, over one database; null: those that are there"
    )


class SVOXConfig(_AtRoot):
    """Parameters of `vpr_data.published.svox.svox`."""

    type: Literal["svox"] = "svox"
    queries: tuple[Literal["plain", "night", "overcast", "rain", "snow", "sun"], ...] | None = Field(
        None, description="query sets of test, over one database; null: those that are there"
    )


class StLuciaConfig(_AtRoot):
    """Parameters of `vpr_data.published.st_lucia.st_lucia`."""

    type: Literal["st_lucia"] = "st_lucia"


class EynshamConfig(_AtRoot):
    """Parameters of `vpr_data.published.eynsham.eynsham`."""

    type: Literal["eynsham"] = "eynsham"


class AmsterTimeConfig(_AtRoot):
    """Parameters of `vpr_data.published.amstertime.amstertime`."""

    type: Literal["amstertime"] = "amstertime"


class SPEDConfig(_AtRoot):
    """Parameters of `vpr_data.published.sped.sped`."""

    type: Literal["sped"] = "sped"


class Essex3in1Config(_AtRoot):
    """Parameters of `vpr_data.published.essex3in1.essex3in1`."""

    type: Literal["essex3in1"] = "essex3in1"


class GardensPointConfig(_AtRoot):
    """Parameters of `vpr_data.published.gardens_point.gardens_point`."""

    type: Literal["gardens_point"] = "gardens_point"
    database: str | None = Field(None, min_length=1, description="folder of one walk, such as day_right; null: ref")
    queries: str | None = Field(None, min_length=1, description="folder of another, such as night_right; null: query")
    tolerance: int = Field(2, ge=0, description="frames by which a right answer may be off")


class Places17Config(_AtRoot):
    """Parameters of `vpr_data.published.places17.places17`."""

    type: Literal["17places"] = "17places"
    tolerance: int | None = Field(None, ge=0, description="frames; has to be named: 2 (VPR-Bench), 15 (AnyLoc)")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.tolerance is None:
            raise ValueError(
                "tolerance: name it, two are in use on the same images, and their recalls differ: 2 frames "
                "(VPR-Bench's ground truth), 15 frames (AnyLoc, Revisit-Anything)"
            )
        return self


class BaiduMallConfig(_AtRoot):
    """Parameters of `vpr_data.published.baidu_mall.baidu_mall`."""

    type: Literal["baidu_mall"] = "baidu_mall"
    radius: float = Field(10.0, gt=0, description="metres within which an answer is right")
    turn: float | None = Field(
        None, gt=0, le=180, description="degrees by which a right answer's view may be turned, such as 20; null: any"
    )


def _builder(module: str, function: str) -> Callable[[Any], Dataset]:
    def build(config: ComponentConfig) -> Dataset:
        opened: Dataset = getattr(import_module(f"vpr_data.published.{module}"), function)(
            **config.model_dump(exclude={"type"})
        )
        return opened

    return build


CONFIGS: tuple[type[ComponentConfig], ...] = (
    Pitts30kConfig,
    Pitts250kConfig,
    Tokyo247Config,
    TokyoTMConfig,
    MSLSConfig,
    NordlandConfig,
    SfXLConfig,
    SVOXConfig,
    StLuciaConfig,
    EynshamConfig,
    AmsterTimeConfig,
    SPEDConfig,
    Essex3in1Config,
    GardensPointConfig,
    Places17Config,
    BaiduMallConfig,
)


def published_datasets() -> Iterator[DatasetSpec[Any]]:
    """Yield a spec of every published set that has a database and queries."""
    for config in CONFIGS:
        name = config.model_fields["type"].default
        known = REGISTERED[name]
        yield DatasetSpec(
            name=name,
            config=config,
            build=_builder(known.module, known.function),
            summary=known.summary,
            paper=known.paper,
        )
