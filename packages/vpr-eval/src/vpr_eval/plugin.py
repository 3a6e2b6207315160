"""The indexes that a run file can name. Loaded by hosts only: ``import vpr_eval`` does not touch it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from vpr_core import ComponentConfig, IndexSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.types import Index

__all__ = [
    "BinaryConfig",
    "FlatConfig",
    "HNSWConfig",
    "IVFPQConfig",
    "IVFRaBitQConfig",
    "IVFSQConfig",
    "vpr_indexes",
]

_METRIC = "l2: Euclidean distance; ip: inner product, unit descriptors only"
_LISTS = "number of inverted lists; null: 4 sqrt(N), at most one for 39 descriptors"
_PROBES = "lists that a query visits; more finds more and takes longer"
_RESCORE = "candidates that are compared exactly with the original descriptors; 0: none"


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
    rescore: int = Field(100, ge=0, le=2**20, description=_RESCORE)
    code: Literal["fp16", "int8"] = Field("fp16", description="how each number is stored")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="of k-means")


class IVFPQConfig(ComponentConfig):
    """Parameters of `vpr_eval.IVFPQIndex`."""

    type: Literal["ivf_pq"] = "ivf_pq"
    metric: Literal["l2", "ip"] = Field("l2", description=_METRIC)
    lists: int | None = Field(None, ge=1, le=2**24, description=_LISTS)
    probes: int = Field(16, ge=1, le=2**24, description=_PROBES)
    rescore: int = Field(100, ge=0, le=2**20, description=_RESCORE)
    parts: int = Field(64, ge=1, le=65536, description="bytes a descriptor is coded in; must divide its dimension")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="of k-means")


class IVFRaBitQConfig(ComponentConfig):
    """Parameters of `vpr_eval.IVFRaBitQIndex`."""

    type: Literal["ivf_rabitq"] = "ivf_rabitq"
    metric: Literal["l2", "ip"] = Field("l2", description=_METRIC)
    lists: int | None = Field(None, ge=1, le=2**24, description=_LISTS)
    probes: int = Field(16, ge=1, le=2**24, description=_PROBES)
    rescore: int = Field(100, ge=0, le=2**20, description=_RESCORE)
    query_bits: int = Field(8, ge=1, le=8, description="bits of a query's numbers; more is more precise and slower")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="of k-means and of the rotation")


class BinaryConfig(ComponentConfig):
    """Parameters of `vpr_eval.BinaryIndex`."""

    type: Literal["binary"] = "binary"
    metric: Literal["l2", "ip"] = Field("l2", description=_METRIC)
    rescore: int = Field(100, ge=0, le=2**20, description=_RESCORE)
    rotate: bool = Field(False, description="turn descriptors at random first, where few numbers carry most")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="of the rotation")


def _arguments(config: ComponentConfig) -> dict[str, Any]:
    return config.model_dump(exclude={"type"})


def _build_flat(config: FlatConfig, dim: int) -> Index:
    from vpr_eval.index.flat import FlatIndex

    return FlatIndex(dim=dim, **_arguments(config))


def _build_hnsw(config: HNSWConfig, dim: int) -> Index:
    from vpr_eval.index.hnsw import HNSWIndex

    return HNSWIndex(dim=dim, **_arguments(config))


def _build_ivf_sq(config: IVFSQConfig, dim: int) -> Index:
    from vpr_eval.index.ivf_sq import IVFSQIndex

    return IVFSQIndex(dim=dim, **_arguments(config))


def _build_ivf_pq(config: IVFPQConfig, dim: int) -> Index:
    from vpr_eval.index.ivf_pq import IVFPQIndex

    return IVFPQIndex(dim=dim, **_arguments(config))


def _build_ivf_rabitq(config: IVFRaBitQConfig, dim: int) -> Index:
    from vpr_eval.index.ivf_rabitq import IVFRaBitQIndex

    return IVFRaBitQIndex(dim=dim, **_arguments(config))


def _build_binary(config: BinaryConfig, dim: int) -> Index:
    from vpr_eval.index.binary import BinaryIndex

    return BinaryIndex(dim=dim, **_arguments(config))


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
    yield IndexSpec(
        name="ivf_rabitq",
        config=IVFRaBitQConfig,
        build=_build_ivf_rabitq,
        summary="approximate search in inverted lists, one bit a dimension with estimated distances",
        paper="Gao, Long: RaBitQ, SIGMOD 2024, arXiv 2405.12497",
    )
    yield IndexSpec(
        name="binary",
        config=BinaryConfig,
        build=_build_binary,
        summary="approximate search, signs of centred descriptors by Hamming distance",
        paper="Charikar: Similarity estimation techniques from rounding algorithms, STOC 2002",
    )
