"""The engine that a run file can name. Imports neither Ray nor torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from vpr_core import ComponentConfig, EngineSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.engines import Engine

__all__ = ["RayConfig", "vpr_engines"]


class RayConfig(ComponentConfig):
    """Parameters of `vpr_ray.engine.RayEngine`."""

    type: Literal["ray"] = "ray"
    address: str = Field(
        "auto",
        min_length=1,
        description="auto: the cluster that this machine belongs to; host:port: its head; local: one on this machine",
    )
    workers: int | None = Field(
        None, ge=1, le=100_000, description="worker processes; null: as many as the cluster has room for now"
    )
    cpus: float = Field(1.0, gt=0, le=4096, description="CPUs that a worker reserves; also its threads")
    gpus: float = Field(0.0, ge=0, le=64, description="GPUs that a worker reserves; set compute.device=cuda with it")
    tries: int = Field(3, ge=1, le=1000, description="workers that a chunk may lose before it is given up")
    patience: float = Field(
        600.0, gt=0, le=1_000_000, description="seconds to wait without a single worker before giving up"
    )

    @model_validator(mode="after")
    def _whole_above_one(self) -> Self:
        for name in ("cpus", "gpus"):
            value = getattr(self, name)
            if value > 1 and value != int(value):
                raise ValueError(f"{name} is {value:g}; Ray reserves a part of one, or whole ones: write {int(value)}")
        return self


def _build(config: RayConfig) -> Engine:
    from vpr_ray.engine import RayEngine

    return RayEngine(**config.model_dump(exclude={"type"}))


@hookimpl
def vpr_engines() -> Iterator[EngineSpec[Any]]:
    """Yield the engine of this package."""
    yield EngineSpec(
        name="ray",
        config=RayConfig,
        build=_build,
        summary="workers of a Ray cluster, chunk by chunk",
        paper="Moritz et al.: Ray, a distributed framework for emerging AI applications, OSDI 2018, arXiv 1712.05889",
        reaches_network=True,
        reads_environment=True,
        starts_processes=True,
    )
