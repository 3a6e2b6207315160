"""What a run file can name of this package. tensorboard is imported when a training begins, not before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from vpr_core import ComponentConfig, LoggerSpec, hookimpl

if TYPE_CHECKING:
    from vpr_core.loggers import LoggedRun, TrainingLogger

__all__ = ["TensorBoardConfig", "vpr_loggers"]

VPR_HOOK_API = "1.1"


class TensorBoardConfig(ComponentConfig):
    """Parameters of `vpr_loggers.events.EventLog`."""

    type: Literal["tensorboard"] = "tensorboard"
    folder: str = Field(
        "tensorboard",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,80}$",
        description="folder of its event files in the run's folder; it is the logger's alone",
    )


def _build(config: TensorBoardConfig, run: LoggedRun) -> TrainingLogger:
    from vpr_loggers.events import EventLog

    return EventLog(run.folder / config.folder, after=run.after)


@hookimpl
def vpr_loggers() -> Iterator[LoggerSpec[Any]]:
    """Yield the logger of this package."""
    yield LoggerSpec(
        name="tensorboard",
        config=TensorBoardConfig,
        build=_build,
        summary="curves for TensorBoard, in the run's folder",
    )
