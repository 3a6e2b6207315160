"""Fake distributions on ``sys.path``, discovered exactly as installed ones are."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vpr_core import PluginOrigin, Registry, build_registry
from vpr_core.loader import canonical_name, discover

HEAD = """
from __future__ import annotations
from pathlib import Path
from typing import Literal
from pydantic import Field
from vpr_core import (
    BackboneSpec, ComponentConfig, DatasetSpec, EngineSpec, IndexSpec, LossSpec, MinerSpec, PoolingSpec, hookimpl,
)
"""


class Site:
    """A folder on ``sys.path`` into which a test installs distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: set[str] = set()
        self.modules: list[str] = []

    def install(
        self, distribution: str, code: str, *, version: str = "1.0", entry: str = "main", head: str = HEAD
    ) -> str:
        """Install ``code`` as the plug-in ``entry`` of ``distribution``; returns the module's name."""
        module = f"fake_{canonical_name(distribution).replace('-', '_')}_{entry}_{abs(hash(str(self.folder))) % 10**8}"
        (self.folder / f"{module}.py").write_text(head + textwrap.dedent(code), encoding="utf-8")
        info = self.folder / f"{canonical_name(distribution).replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        with (info / "entry_points.txt").open("a") as stream:
            if stream.tell() == 0:
                stream.write("[vpr]\n")
            stream.write(f"{entry} = {module}\n")
        self.names.add(canonical_name(distribution))
        self.modules.append(module)
        return module

    def others(self) -> list[str]:
        """Distributions with plug-ins that are really installed here: a test leaves them out."""
        return [origin.distribution for origin in discover() if canonical_name(origin.distribution) not in self.names]

    def registry(self, **options: object) -> Registry:
        """The registry of what this test installed."""
        return build_registry(disabled=self.others(), **options)  # type: ignore[arg-type]

    def found(self) -> list[PluginOrigin]:
        """What is discovered of what this test installed."""
        return [origin for origin in discover() if canonical_name(origin.distribution) in self.names]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Site(folder)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


@pytest.fixture
def pooling_code() -> Callable[..., str]:
    """Source of a plug-in with one pooling layer."""

    def code(name: str) -> str:
        return f"""
        class Config(ComponentConfig):
            type: Literal["{name}"] = "{name}"
            size: int = Field(default=3, ge=1, le=9, description="a number")

        @hookimpl
        def vpr_poolings():
            yield PoolingSpec(name="{name}", config=Config, build=lambda c, f: ("{name}", c.size, f), summary="a layer")
        """

    return code


EVERYTHING = """
class Gem(ComponentConfig):
    type: Literal["gem"] = "gem"
    p: float = Field(default=3.0, gt=0, description="exponent")
    form: Literal["a", "b"] = Field(default="a", description="form")
class NetVLAD(ComponentConfig):
    type: Literal["netvlad"] = "netvlad"
    num_clusters: int = Field(default=64, ge=1, le=4096, description="clusters")
    normalize: bool = Field(default=True, description="normalise")
    gem: Gem | None = Field(default=None, description="nested")
class Folder(ComponentConfig):
    type: Literal["folder"] = "folder"
    root: Path = Field(description="folder")
    pair: tuple[int, int] = Field(default=(1, 2), description="pair")
class Tiny(ComponentConfig):
    type: Literal["tiny"] = "tiny"
class Ranking(ComponentConfig):
    type: Literal["weakly_supervised_ranking"] = "weakly_supervised_ranking"
    margin: float = Field(default=0.1, ge=0, description="margin")
class Hard(ComponentConfig):
    type: Literal["hard_negatives"] = "hard_negatives"
class Flat(ComponentConfig):
    type: Literal["flat"] = "flat"
class Local(ComponentConfig):
    type: Literal["local"] = "local"

def made(*args): return args

@hookimpl
def vpr_poolings():
    yield PoolingSpec(name="gem", config=Gem, build=made, summary="power mean", paper="Radenovic 2018")
    yield PoolingSpec(name="netvlad", config=NetVLAD, build=made, summary="soft VLAD")
@hookimpl
def vpr_datasets():
    yield DatasetSpec(name="folder", config=Folder, build=made, summary="a folder")
@hookimpl
def vpr_backbones():
    yield BackboneSpec(name="tiny", config=Tiny, build=made, summary="small")
@hookimpl
def vpr_losses():
    yield LossSpec(name="weakly_supervised_ranking", config=Ranking, build=made, summary="loss")
@hookimpl
def vpr_miners():
    yield MinerSpec(name="hard_negatives", config=Hard, build=made, summary="miner")
@hookimpl
def vpr_indexes():
    yield IndexSpec(name="flat", config=Flat, build=made, summary="exact")
@hookimpl
def vpr_engines():
    yield EngineSpec(name="local", config=Local, build=made, summary="here")
"""


@pytest.fixture
def registry(site: Site) -> Registry:
    """A registry with a component of every kind (two pooling layers, one of all else)."""
    site.install("everything", EVERYTHING)
    return site.registry(strict=True)
