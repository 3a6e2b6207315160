"""What crosses the border to a logger: the records of a training.

Like `vpr_core.types`, structural: neither side imports the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

__all__ = ["LoggedRun", "TrainingLogger"]


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """The training that a logger is built for.

    Attributes:
        folder: the run directory; what a logger writes there lies in it alone. It exists.
        name: of the run.
        config: the resolved run file as plain data.
        after: key of the last record that counts, -1 for a new run. A training that was killed goes on from its last
            checkpoint and writes the records after it once more: whatever has a greater key is to be forgotten, or not
            to be written again.
    """

    folder: Path
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    after: int = -1


class TrainingLogger(Protocol):
    """Receives what a training measures: one record after each part of an epoch and one after each epoch.

    It observes: an exception in it is reported once and costs the logger, never the training.
    """

    def log(self, key: int, record: Mapping[str, Any]) -> None:
        """Take one record.

        Args:
            key: rises from record to record of a run, over all its starts.
            record: names to numbers, text, true or false, None, or lists and mappings of them; two records may have
                different names. It is not to be changed.
        """
        ...

    def close(self) -> None:
        """Write what is outstanding; nothing is logged afterwards. Closing twice is harmless."""
        ...
