"""What an evaluation found, with what is needed to believe it: protocol, intervals, denominators, provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vpr_eval.atomic import atomic_file
from vpr_eval.intervals import Interval, bootstrap_interval
from vpr_eval.recall import RecallResult
from vpr_eval.tables import csv_table, markdown_table

__all__ = ["Report", "report_csv", "report_markdown"]

_FORMAT = "vpr-report"
_VERSION = 1
_LARGEST_FILE = 2**28


@dataclass(frozen=True, kw_only=True)
class Report:
    """Metrics of one method on one split under one protocol.

    Attributes:
        name: of the method.
        protocol: what counts as right: ``pitts30k-test@25m``.
        queries: number of queries.
        counted: of those, how many are in the denominator.
        without_positives: of those, how many have no right image in the database.
        database: number of database images.
        metrics: name (``recall@1``) to estimate and interval, 0..1.
        first_hit: for each query the rank from 1 of its first right image, 0 for none.
        provenance: what made it: model and data fingerprints, code version, seeds, hardware, date. JSON values.
    """

    name: str
    protocol: str
    queries: int
    counted: int
    without_positives: int
    database: int
    metrics: Mapping[str, Interval]
    first_hit: tuple[int, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_recall(
        cls,
        result: RecallResult,
        *,
        name: str,
        protocol: str,
        database: int,
        provenance: Mapping[str, Any] | None = None,
        level: float = 0.95,
        samples: int = 1000,
        seed: int = 0,
    ) -> Report:
        """Return the report of recall@N with bootstrap intervals over queries."""
        return cls(
            name=name,
            protocol=protocol,
            queries=len(result.first_hit),
            counted=result.counted,
            without_positives=result.without_positives,
            database=database,
            metrics={
                f"recall@{cut}": bootstrap_interval(result.hits(cut), level=level, samples=samples, seed=seed)
                for cut in result.recall
            },
            first_hit=tuple(result.first_hit.tolist()),
            provenance=dict(provenance or {}),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, with the version of their schema."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "name": self.name,
            "protocol": self.protocol,
            "queries": self.queries,
            "counted": self.counted,
            "without_positives": self.without_positives,
            "database": self.database,
            "metrics": {
                name: {"estimate": one.estimate, "low": one.low, "high": one.high, "level": one.level}
                for name, one in self.metrics.items()
            },
            "first_hit": list(self.first_hit),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, values: Any) -> Report:
        """Return the report that `to_dict` described.

        Raises:
            ValueError: it is something else, of another version, or lacks a field; the message names it.
        """
        if not isinstance(values, dict) or values.get("format") != _FORMAT:
            raise ValueError(f'format: not a report (its "format" must be "{_FORMAT}")')
        if values.get("version") != _VERSION:
            raise ValueError(f"version: {values.get('version')!r}; this program reads version {_VERSION}")
        counts = {key: _field(values, key, int) for key in ("queries", "counted", "without_positives", "database")}
        metrics = {
            name: Interval(**{key: float(_field(one, key, (int, float), name)) for key in _INTERVAL_FIELDS})
            for name, one in _field(values, "metrics", dict).items()
        }
        first_hit = _field(values, "first_hit", list)
        if not all(isinstance(rank, int) and not isinstance(rank, bool) and rank >= 0 for rank in first_hit):
            raise ValueError("first_hit: must hold ranks, integers of at least 0")
        return cls(
            name=_field(values, "name", str),
            protocol=_field(values, "protocol", str),
            **counts,
            metrics=metrics,
            first_hit=tuple(first_hit),
            provenance=_field(values, "provenance", dict),
        )

    def save(self, path: Path) -> None:
        """Write JSON, atomically."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with atomic_file(Path(path)) as file:
            file.write(text.encode())

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not a report.
        """
        path = Path(path)
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError(f"path: {path} is larger than {_LARGEST_FILE} bytes; no report is")
        try:
            return cls.from_dict(json.loads(path.read_bytes()))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"path: {path} is not a report: {error}") from error


_INTERVAL_FIELDS = ("estimate", "low", "high", "level")


def report_markdown(reports: Sequence[Report]) -> str:
    """Return a table of reports, one row each: metrics in per cent with their intervals, then the small print."""
    names = _metric_names(reports)
    header = ["method", "protocol", *names, "queries", "database"]
    rows = [
        [
            one.name,
            one.protocol,
            *(_per_cent(one.metrics.get(name)) for name in names),
            _denominator(one),
            one.database,
        ]
        for one in reports
    ]
    levels = sorted({interval.level for one in reports for interval in one.metrics.values()})
    note = "In per cent, with " + ", ".join(f"{100 * level:g} %" for level in levels) + " intervals over queries.\n"
    return markdown_table(header, rows) + ("\n" + note if levels else "")


def report_csv(reports: Sequence[Report]) -> str:
    """Return the same as CSV with plain numbers: estimate, low and high of each metric, 0..1."""
    names = _metric_names(reports)
    header = ["method", "protocol", "queries", "counted", "without_positives", "database"]
    header += [f"{name}{end}" for name in names for end in ("", " low", " high")]
    rows = []
    for one in reports:
        row: list[object] = [
            one.name,
            one.protocol,
            one.queries,
            one.counted,
            one.without_positives,
            one.database,
        ]
        for name in names:
            interval = one.metrics.get(name)
            row += [interval.estimate, interval.low, interval.high] if interval else [None, None, None]
        rows.append(row)
    return csv_table(header, rows)


def _metric_names(reports: Sequence[Report]) -> list[str]:
    return list(dict.fromkeys(name for one in reports for name in one.metrics))


def _per_cent(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{100 * interval.estimate:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _denominator(report: Report) -> str:
    if report.without_positives == 0:
        return str(report.queries)
    how = "counted as failed" if report.counted == report.queries else "left out"
    return f"{report.queries}, {report.without_positives} without positives {how}"


def _field(values: Any, key: str, kind: type[Any] | tuple[type[Any], ...], where: str = "") -> Any:
    place = f"{where}.{key}" if where else key
    if not isinstance(values, dict) or key not in values:
        raise ValueError(f"{place}: missing")
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, kind):
        raise ValueError(f"{place}: has type {type(value).__name__}")
    return value
