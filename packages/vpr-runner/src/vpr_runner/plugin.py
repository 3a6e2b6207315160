"""What can be named of this package: the engine and the runtime that need nothing, a table of metrics, networks.

Imports neither torch nor numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from vpr_core import ComponentConfig, EngineSpec, LoggerSpec, ModelSpec, RuntimeSpec, hookimpl
from vpr_runner.names import named_networks

if TYPE_CHECKING:
    from vpr_core.engines import Engine
    from vpr_core.loggers import LoggedRun, TrainingLogger
    from vpr_core.runtimes import Runtime, RuntimeRequest

__all__ = ["CsvConfig", "LocalConfig", "TorchConfig", "vpr_engines", "vpr_loggers", "vpr_models", "vpr_runtimes"]


class LocalConfig(ComponentConfig):
    """The engine ``local`` has no parameters; ``compute`` says how this process works."""

    type: Literal["local"] = "local"


def _build_local(config: LocalConfig) -> Engine:
    from vpr_runner.extraction.local_engine import LocalEngine

    return LocalEngine()


class TorchConfig(ComponentConfig):
    """The runtime ``torch`` has no parameters; ``compute`` says in which precision, and whether to compile."""

    type: Literal["torch"] = "torch"


class CsvConfig(ComponentConfig):
    """Parameters of `vpr_runner.files.csv_log.CsvLog`."""

    type: Literal["csv"] = "csv"
    file: str = Field(
        default="metrics.csv",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,80}\.csv$",
        description="Name of the table in the run's folder; ends in .csv.",
    )


def _build_torch(config: TorchConfig, request: RuntimeRequest) -> Runtime:
    from vpr_runner.encoding.torch_runtime import TorchRuntime

    return TorchRuntime(request)


def _build_csv(config: CsvConfig, run: LoggedRun) -> TrainingLogger:
    from vpr_runner.files.csv_log import CsvLog

    return CsvLog(run.folder / config.file, after=run.after)


@hookimpl
def vpr_engines() -> Iterator[EngineSpec[Any]]:
    """Yield the engines of this package."""
    yield EngineSpec(
        name="local", config=LocalConfig, build=_build_local, summary="this process, or torchrun's; the default"
    )


@hookimpl
def vpr_runtimes() -> Iterator[RuntimeSpec[Any]]:
    """Yield the runtimes of this package."""
    yield RuntimeSpec(
        name="torch",
        config=TorchConfig,
        build=_build_torch,
        summary="the network's own modules in torch; the default",
        needs="network",
    )


@hookimpl
def vpr_loggers() -> Iterator[LoggerSpec[Any]]:
    """Yield the loggers of this package."""
    yield LoggerSpec(
        name="csv", config=CsvConfig, build=_build_csv, summary="a CSV table in the run's folder, a row a record"
    )


@hookimpl
def vpr_models() -> Iterator[ModelSpec]:
    """Yield the networks that have a name: trunks with published weights under the usual pooling layers."""
    yield from named_networks()
