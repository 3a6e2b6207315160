"""The index that a run file can name. Imports neither Qdrant's packages nor numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from vpr_core import ComponentConfig, IndexSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.types import Index

__all__ = ["QdrantConfig", "vpr_indexes"]


class QdrantConfig(ComponentConfig):
    """Parameters of `vpr_qdrant.QdrantIndex`."""

    type: Literal["qdrant"] = "qdrant"
    metric: Literal["l2", "ip"] = Field(
        "l2", description="l2: Euclidean distance; ip: inner product, unit descriptors only"
    )
    path: Path | None = Field(None, description="folder of an embedded database; neither this nor url: a temporary one")
    url: str | None = Field(
        None, pattern=r"^https?://[^\s/@]+(/\S*)?$", description="of a server or cluster, such as http://localhost:6333"
    )
    api_key_variable: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="environment variable that holds the server's API key; the key itself belongs in no file",
    )
    collection: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$",
        description="name under which the descriptors stay; null: a new name, deleted at the end",
    )
    replace: bool = Field(False, description="delete a collection of that name first, instead of refusing it")
    prefer_grpc: bool = Field(False, description="talk gRPC to the server where possible: faster for long descriptors")
    grpc_port: int = Field(6334, ge=1, le=65535, description="the server's port for gRPC")
    timeout: int = Field(60, ge=1, le=86_400, description="seconds to wait for an answer of the server")
    batch: int = Field(256, ge=1, le=100_000, description="descriptors or queries in one request")
    exact: bool = Field(True, description="compare with every descriptor; false: a graph or codes propose, approximate")
    links: int = Field(
        16, ge=0, le=512, description="neighbours of a node in the HNSW graph (m), 0: no graph; exact=false only"
    )
    ef_construction: int = Field(
        128, ge=4, le=65536, description="width of the search while building the graph; exact=false only"
    )
    ef_search: int = Field(
        128, ge=1, le=65536, description="width of the search in the graph; more finds more and takes longer"
    )
    quantization: Literal["int8", "binary"] | None = Field(
        None, description="codes that propose: a byte a number, or its sign; compared again; exact=false only"
    )
    oversampling: float = Field(
        4.0, ge=1, le=1000, description="how many times as many codes propose; more finds more and takes longer"
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.path is not None and self.url is not None:
            raise ValueError("path and url are two places; give one of them, or neither for memory")
        if self.api_key_variable is not None and self.url is None:
            raise ValueError("api_key_variable is for a server; give its url, or leave the variable out")
        if self.replace and self.collection is None:
            raise ValueError("replace needs the name of the collection to replace; give collection")
        if self.quantization is not None and self.exact:
            raise ValueError(f"quantization: {self.quantization} codes are approximate; set exact: false with them")
        if self.links == 1:
            raise ValueError(
                "links: a graph whose nodes have one neighbour leads nowhere; give 2 or more, or 0 for none"
            )
        return self


def _build(config: QdrantConfig, dim: int) -> Index:
    from vpr_qdrant.index import QdrantIndex

    return QdrantIndex(dim=dim, **config.model_dump(exclude={"type"}))


@hookimpl
def vpr_indexes() -> Iterator[IndexSpec[Any]]:
    """Yield the index of this package."""
    yield IndexSpec(
        name="qdrant",
        config=QdrantConfig,
        build=_build,
        summary="a Qdrant vector database: its engine in process, or a server or cluster; exact by default",
        # Whatever a config says: one without a url may still name a folder, which a stranger's file must not choose.
        reaches_network=True,
        reads_environment=True,
    )
