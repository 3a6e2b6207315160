"""What a run file can name of this package: the engine that needs nothing. Imports neither torch nor numpy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from vpr_core import ComponentConfig, EngineSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.engines import Engine

__all__ = ["LocalConfig", "vpr_engines"]


class LocalConfig(ComponentConfig):
    """The engine ``local`` has no parameters; ``compute`` says how this process works."""

    type: Literal["local"] = "local"


def _build_local(config: LocalConfig) -> Engine:
    from vpr_runner.extraction.local_engine import LocalEngine

    return LocalEngine()


@hookimpl
def vpr_engines() -> Iterator[EngineSpec[Any]]:
    """Yield the engines of this package."""
    yield EngineSpec(
        name="local", config=LocalConfig, build=_build_local, summary="this process, or torchrun's; the default"
    )
