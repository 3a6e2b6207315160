"""A service in a process of its own, and locust's visitors to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

__all__ = ["Service", "served", "visited"]


@dataclass(frozen=True)
class Service:
    """A running service: its address and its process."""

    url: str
    process: psutil.Process

    @property
    def mebibytes(self) -> float:
        """Resident memory."""
        return float(self.process.memory_info().rss / 2**20)


@contextmanager
def served(folder: Path) -> Iterator[Service]:
    """Serve the map in ``folder`` on a free port of loopback, as a user would."""
    command = [sys.executable, "-m", "vpr_runner.cli", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = next(match for line in process.stderr if (match := re.search(r"http://[\d.]+:\d+", line)))
            yield Service(found[0], psutil.Process(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def visited(service: Service, photos: Path, *, visitors: int, seconds: float) -> dict[str, Any]:
    """Return what so many visitors at once found, each asking again at once: rate, percentiles, failures."""
    command = [sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("visitor.py")), "--headless"]
    command += ["-H", service.url, "-u", str(visitors), "-r", str(visitors), "-t", f"{seconds:.0f}s"]
    command += ["--json", "--loglevel", "ERROR", "--exit-code-on-error", "0", "--stop-timeout", "60"]
    environment = {**os.environ, "VPR_LOAD_PHOTOS": str(photos)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    (row,) = json.loads(done.stdout)
    times = sorted((float(time), int(count)) for time, count in row["response_times"].items())
    spent = max(seconds, row["last_request_timestamp"] - row["start_time"])
    return {
        "visitors": visitors,
        "requests": row["num_requests"],
        "failures": row["num_failures"],
        "seconds": round(spent, 2),
        "requests_per_second": round(row["num_requests"] / spent, 2),
        "p50_ms": _percentile(times, 0.5),
        "p99_ms": _percentile(times, 0.99),
    }


def _percentile(times: list[tuple[float, int]], share: float) -> float:
    """Return the least time within which ``share`` of the requests were answered; locust rounds to two digits."""
    wanted, seen = share * sum(count for _, count in times), 0
    for time, count in times:
        seen += count
        if seen >= wanted:
            return time
    raise ValueError("no request was answered")
