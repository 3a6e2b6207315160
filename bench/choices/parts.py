"""Parts of the measurement: what each found, where and when, and how long it took."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING, Any

from vpr_runner.files.provenance import provenance, told_apart

if TYPE_CHECKING:
    from bench.speed.store import Store

__all__ = ["LIBRARIES", "here", "measured_part", "summary"]

LIBRARIES = ("onnxruntime", "openvino", "opencv-python-headless", "opencv-python")
"""That numbers depend on here, beside those of every provenance."""

Rows = list[dict[str, Any]]


def here() -> dict[str, Any]:
    """Return date, commit, hardware and versions of now and here."""
    found = provenance()
    for name in LIBRARIES:
        try:
            found["versions"][name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def measured_part(store: Store, part: str) -> Iterator[Rows]:
    """Measure a part while the block runs: what it adds to the list is kept with provenance, load and seconds.

    Seconds are those on the clock, and those of processors in all threads. A part that is there already stays as it
    is: a preparation that another start needs again, out of what is kept, has taken what it took the first time.
    """
    load, begin, processor = os.getloadavg()[0], time.monotonic(), _processor()
    rows: Rows = []
    yield rows
    if store.get(part) is None:
        spent = {
            "load": round(max(load, os.getloadavg()[0]), 1),
            "seconds": round(time.monotonic() - begin, 1),
            "processor_seconds": round(_processor() - processor, 1),
        }
        store.put(part, rows, {"provenance": here(), **spent})


def _processor() -> float:
    """Seconds of processors in all threads of this process, and of processes that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def summary(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return where rows come from (each provenance once), and what it took to make them, in all and part by part."""
    made = [how["provenance"] for how in parts.values()]
    return {
        "provenance": told_apart(made) or [here()],
        "seconds": {
            name: round(sum(how[key] for how in parts.values()))
            for name, key in (("clock", "seconds"), ("processor", "processor_seconds"))
        },
        "load": [min(loads), max(loads)] if (loads := [how["load"] for how in parts.values()]) else [],
        "parts": [
            {
                "part": name,
                "date": how["provenance"]["date"],
                "commit": how["provenance"]["code"]["commit"],
                **{key: how[key] for key in ("load", "seconds", "processor_seconds")},
            }
            for name, how in parts.items()
        ],
    }
