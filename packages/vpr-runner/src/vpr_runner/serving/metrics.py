"""What the service counts, in the text format of Prometheus."""

from __future__ import annotations

import threading
from collections import Counter

__all__ = ["Metrics"]

EDGES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Requests by path and status, and the seconds that photos took; of bounded size."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * (len(EDGES) + 1)
        self._seconds = 0.0

    def request(self, path: str, status: int) -> None:
        """Count a request; ``path`` is one of the service's own."""
        with self._lock:
            self._requests[path, status] += 1

    def photo(self, seconds: float) -> None:
        """Count a photo that was looked up."""
        with self._lock:
            self._buckets[sum(seconds > edge for edge in EDGES)] += 1
            self._seconds += seconds

    def text(self) -> str:
        """Return everything counted so far."""
        with self._lock:
            lines = ["# TYPE vpr_requests_total counter"]
            for (path, status), count in sorted(self._requests.items()):
                lines.append(f'vpr_requests_total{{path="{path}",status="{status}"}} {count}')
            lines.append("# TYPE vpr_search_seconds histogram")
            total = 0
            for edge, count in zip([*map(str, EDGES), "+Inf"], self._buckets, strict=True):
                total += count
                lines.append(f'vpr_search_seconds_bucket{{le="{edge}"}} {total}')
            lines += [f"vpr_search_seconds_sum {self._seconds:.6f}", f"vpr_search_seconds_count {total}"]
        return "\n".join(lines) + "\n"
