"""The loggers of one start of a training: who is told of each record beside ``metrics.jsonl``."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_core.loggers import LoggedRun, TrainingLogger

if TYPE_CHECKING:
    from vpr_core import ComponentConfig, Registry

__all__ = ["Loggers"]

log = logging.getLogger(__name__)


class Loggers:
    """Hands each record on; a logger that raises is named once and left out, and the training goes on.

    Args:
        made: each logger with its name.
    """

    def __init__(self, made: Sequence[tuple[str, TrainingLogger]] = ()) -> None:
        self._active = list(made)

    @classmethod
    def build(
        cls,
        blocks: Sequence[ComponentConfig],
        registry: Registry,
        *,
        folder: Path,
        name: str,
        config: Mapping[str, Any],
        after: int,
    ) -> Loggers:
        """Build the loggers of a run file for the run in ``folder``.

        Args:
            blocks: the block ``loggers``.
            registry: where they come from.
            folder: the run directory.
            name: of the run.
            config: the run file as plain data.
            after: key of the last record that counts; a record's key is its line in ``metrics.jsonl``, from 0.

        Raises:
            UsageError: one cannot be built; before the training has begun that is worth a stop.
        """
        run = LoggedRun(folder=folder, name=name, config=config, after=after)
        made: list[tuple[str, TrainingLogger]] = []
        for number, block in enumerate(blocks):
            try:
                made.append((block.type, registry.build("logger", block, run)))
            except Exception as error:
                cls(made).close()
                if isinstance(error, UsageError):
                    raise
                said = f"{type(error).__name__}: {error}"
                raise UsageError(
                    f"loggers[{number}]: {block.type!r} cannot be set up ({said}); mend that, or take it out of the "
                    "run file"
                ) from error
        return cls(made)

    def log(self, key: int, record: Mapping[str, Any]) -> None:
        """Tell all of them."""
        for name, logger in list(self._active):
            try:
                logger.log(key, dict(record))
            except Exception as error:  # noqa: BLE001  a logger may raise anything, and training goes before it
                self._left_out(name, logger, error)

    def close(self) -> None:
        """Close all of them; once."""
        for name, logger in list(self._active):
            try:
                logger.close()
            except Exception as error:  # noqa: BLE001  see log
                self._left_out(name, None, error)
        self._active = []

    def _left_out(self, name: str, logger: TrainingLogger | None, error: Exception) -> None:
        self._active = [(other, each) for other, each in self._active if each is not logger]
        log.warning(
            "the logger %r fails (%s: %s) and is left out from now on; metrics.jsonl has every record",
            name,
            type(error).__name__,
            error,
        )
