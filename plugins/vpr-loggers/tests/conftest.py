"""TensorBoard's own reader, as the web page uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Scalars = dict[str, list[tuple[int, float]]]


def read(folder: Path) -> Scalars:
    """Step and value of every scalar, by tag; of all event files below ``folder``."""
    found: Scalars = {}
    for path in sorted({path.parent for path in folder.rglob("*tfevents*")}):
        events = EventAccumulator(str(path), size_guidance={"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            found.setdefault(tag, []).extend((event.step, event.value) for event in events.Scalars(tag))
    return found


@pytest.fixture
def scalars() -> Callable[[Path], Scalars]:
    return read
