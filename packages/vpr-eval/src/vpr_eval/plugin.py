"""The indexes that a run file can name. Loaded by hosts only: ``import vpr_eval`` does not touch it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from vpr_core import ComponentConfig, IndexSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.types import Index

__all__ = ["FlatConfig", "HNSWConfig", "IVFPQConfig", "IVFSQConfig", "vpr_indexes"]

_METRIC = "l2: Euclidean distance; ip: inner product, unit descriptors only"
_LISTS = "number of inverted lists; null: 4 sqrt(N), at most one for 39 descriptors"
_PROBES = "lists that a query visits; more finds more and takes longer"


class FlatConfig(ComponentConfig):
    """Parameters of `vpr_eval.FlatIndex`."""

    type: Literal["flat"] = "flat"
    metric: Literal["l2", "ip"] = Field("l2", description=_METRIC)


class HNSWConfig(ComponentConfig):
    """Parameters of `vpr_eval.HNSWIndex`."""

    type: Literal["hnsw"] = "hnsw"
    metric: Literal["l2", "ip"] = Field("l2", description=_METRIC)
    links: int = Field(32, ge=2, le=512, description="neighbours of a node in the graph (M)")
    ef_construction: int = Field(128, ge=1, le=65536, description="width of the search while building")
    ef_search: int = Field(128, ge=1, le=65536, description="width of the search; more finds more and takes longer")
    threads: int = Field(1, ge=1, le=1024, description="threads that build; with more than one no two builds are alike")


class IVFSQConfig(ComponentConfig):
    """Parameters of `vpr_eval.IVFSQIndex`."""

    type: Literal["ivf_sq"] = "ivf_sq"
    metric: Literal["l2", "ip"] = Field("l2", description=_METRIC)
    lists: int | None = Field(None, ge=1, le=2**24, description=_LISTS)
    probes: int = Field(16, ge=1, le=2**24, description=_PROBES)
    code: Literal["fp16", "int8"] = Field("fp16", description="how each number is stored")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="of k-means")


class IVFPQConfig(ComponentConfig):
    """Parameters of `vpr_eval.IVFPQIndex`."""

    type: Literal["ivf_pq"] = "ivf_pq"
    metric: Literal["l2", "ip"] = Field("l2", description=_METRIC)
    lists: int | None = Field(None, ge=1, le=2**24, description=_LISTS)
    probes: int = Field(16, ge=1, le=2**24, description=_PROBES)
    parts: int = Field(64, ge=1, le=65536, description="bytes a descriptor is coded in; must divide its dimension")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="of k-means")


def _arguments(config: ComponentConfig) -> dict[str, Any]:
    return config.model_dump(exclude={"type"})


def _build_flat(config: FlatConfig, dim: int) -> Index:
    from vpr_eval.index.flat import FlatIndex

    return FlatIndex(dim=dim, **_arguments(config))


def _build_hnsw(config: HNSWConfig, dim: int) -> Index:
    from vpr_eval.index.hnsw import HNSWIndex

    return HNSWIndex(dim=dim, **_arguments(config))


def _build_ivf_sq(config: IVFSQConfig, dim: int) -> Index:
    from vpr_eval.index.ivf import IVFSQIndex

    return IVFSQIndex(dim=dim, **_arguments(config))


def _build_ivf_pq(config: IVFPQConfig, dim: int) -> Index:
    from vpr_eval.index.ivf import IVFPQIndex

    return IVFPQIndex(dim=dim, **_arguments(config))


@hookimpl
def vpr_indexes() -> Iterator[IndexSpec[Any]]:
    """Yield the indexes of this package."""
    yield IndexSpec(name="flat", config=FlatConfig, build=_build_flat, summary="exact search; the default")
    yield IndexSpec(
        name="hnsw",
        config=HNSWConfig,
        build=_build_hnsw,
        summary="approximate search in a graph, exact distances",
        paper="Malkov, Yashunin: HNSW, PAMI 2018, arXiv 1603.09320",
    )
    yield IndexSpec(
        name="ivf_sq",
        config=IVFSQConfig,
        build=_build_ivf_sq,
        summary="approximate search in inverted lists, 8 or 16 bits a number",
        paper="Sivic, Zisserman: Video Google, ICCV 2003",
    )
    yield IndexSpec(
        name="ivf_pq",
        config=IVFPQConfig,
        build=_build_ivf_pq,
        summary="approximate search in inverted lists, product-quantised",
        paper="Jegou, Douze, Schmid: Product quantization for nearest neighbor search, PAMI 2011",
    )
