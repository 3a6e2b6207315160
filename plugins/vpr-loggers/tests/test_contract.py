"""The logger contract, read back by TensorBoard's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vpr_core import build_registry
from vpr_core.testing import LoggerContract


def keys(folder: Path) -> list[int]:
    (events,) = {path.parent for path in folder.rglob("*tfevents*")}
    accumulator = EventAccumulator(str(events), size_guidance={"scalars": 0})
    accumulator.Reload()
    return [int(event.value) for event in accumulator.Scalars("key")] if "key" in accumulator.Tags()["scalars"] else []


class TestTensorBoard(LoggerContract):
    spec = build_registry(strict=True).get("logger", "tensorboard")
    keys = staticmethod(keys)
    inert: ClassVar = {"folder": "its files have names with a random part; tests/test_events.py looks for it"}
