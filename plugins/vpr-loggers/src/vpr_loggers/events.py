"""A training's records as a TensorBoard event file."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

__all__ = ["EventLog"]

KEY = "key"
PATTERN = "*tfevents*"


class EventLog:
    """One event a record: its numbers as scalars ``kind/name``, at its optimisation step.

    The key of a record stands beside its numbers, so that a later start finds what is to be forgotten: it copies the
    events that count into a file of its own and removes the others' files. Killed in between, an event may be in two
    files; the next start takes it once.

    Args:
        folder: for event files; made when it is not there. It is this logger's alone.
        after: key of the last record that counts.
    """

    def __init__(self, folder: Path, *, after: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        old = sorted(folder.glob(PATTERN))
        kept: dict[int, bytes] = {}
        for path in old if after >= 0 else ():
            for key, event in _events(path):
                if key <= after:
                    kept.setdefault(key, event)
        self._file = (folder / f"events.out.tfevents.{int(time.time()):010d}.{secrets.token_hex(4)}").open("xb")
        self._writer = RecordWriter(self._file)
        try:
            self._write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
            for key in sorted(kept):
                self._write(kept[key])
            for path in old:
                path.unlink()
        except BaseException:
            self._file.close()
            raise

    def log(self, key: int, record: Mapping[str, Any]) -> None:
        """Write one event; text and what is no number is left out."""
        prefix = f"{record['kind']}/" if isinstance(record.get("kind"), str) else ""
        values = [Summary.Value(tag=KEY, simple_value=key)]
        values += [Summary.Value(tag=f"{prefix}{name}", simple_value=value) for name, value in _numbers(record)]
        step, at = record.get("step"), record.get("time")
        event = Event(
            wall_time=at if isinstance(at, float) else time.time(),
            step=step if isinstance(step, int) and not isinstance(step, bool) else key,
            summary=Summary(value=values),
        )
        self._write(event.SerializeToString())

    def close(self) -> None:
        """Close the file; everything is in it already."""
        self._file.close()

    def _write(self, event: bytes) -> None:
        self._writer.write(event)
        self._file.flush()


def _events(path: Path) -> Iterator[tuple[int, bytes]]:
    """Key and bytes of the events of a file that are records; a last one that a kill cut off is none."""
    for raw in RawEventFileLoader(str(path)).Load():
        keys = [value.simple_value for value in Event.FromString(raw).summary.value if value.tag == KEY]
        if keys:
            yield int(keys[0]), raw


def _numbers(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)) and not (prefix == "" and name in ("step", "time")):
            yield f"{prefix}{name}", float(value)
