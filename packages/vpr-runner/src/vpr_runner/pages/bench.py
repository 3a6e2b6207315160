"""The page of `vpr bench`: tables that sort, recall curves with their spread, which method finds which query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from vpr_runner.files import atomic
from vpr_runner.pages.page import as_text, environment, policy, source

__all__ = ["BenchRow", "BenchShown", "BenchTable", "bench_html", "write_bench_page"]

# Okabe and Ito's palette, told apart with every common colour blindness; grey for black, which a dark page swallows.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#808080")
WIDTH, HEIGHT, LEFT, TOP = 560.0, 260.0, 44.0, 12.0


@dataclass(frozen=True, kw_only=True)
class BenchRow:
    """One method at one stage.

    Attributes:
        method, stage: its name.
        dim: numbers of a descriptor.
        recall: N to the mean over seeds and its standard deviation (None: one seed), 0..1.
        interval: bounds of recall@1 over queries.
        numbers: further columns by their heading; None: not measured.
        curve: recall@1, @2, ...; ``spread``: the standard deviation over seeds of each, or empty.
        found: of each counted query, the share of seeds in which the first answer is right.
    """

    method: str
    stage: str
    dim: int
    recall: Mapping[str, tuple[float, float | None]]
    interval: tuple[float, float]
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    curve: Sequence[float] = ()
    spread: Sequence[float] = ()
    found: Sequence[float] = ()

    @property
    def name(self) -> str:
        """Method and stage."""
        return f"{self.method}, {self.stage}" if self.stage else self.method


@dataclass(frozen=True, kw_only=True)
class BenchTable:
    """Methods that were measured on the same queries; ``caption`` says what every number rests on."""

    caption: str
    rows: Sequence[BenchRow]

    @property
    def recalls(self) -> list[str]:
        """The N of recall@N that some row has."""
        return list(dict.fromkeys(at for row in self.rows for at in row.recall))

    @property
    def headings(self) -> list[str]:
        """Of further columns."""
        return list(dict.fromkeys(name for row in self.rows for name in row.numbers))

    @property
    def queries(self) -> int:
        """How many queries the rows tell of one by one; 0 where they do not agree."""
        counts = {len(row.found) for row in self.rows}
        return counts.pop() if len(counts) == 1 else 0


@dataclass(frozen=True, kw_only=True)
class BenchShown:
    """A page of a bench.

    Attributes:
        title: of the suite.
        notes: what the suite says of itself.
        tables: one a setting and test.
        remarks: paired tests and the like, a sentence each.
        suite: the run file of each method, as text.
        provenance: what the numbers came from.
    """

    title: str
    tables: Sequence[BenchTable]
    notes: str = ""
    remarks: Sequence[str] = ()
    suite: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


def bench_html(shown: BenchShown) -> str:
    """Return the page as HTML that asks nobody for anything."""
    script, css = source("sort.js"), source("page.css")
    return (
        environment()
        .get_template("bench.html.j2")
        .render(
            shown=shown,
            charts=[_Chart(table) for table in shown.tables],
            policy=policy(script, css),
            script=Markup(script),
            style=Markup(css),
            provenance=as_text(shown.provenance),
        )
    )


def write_bench_page(file: Path, shown: BenchShown) -> None:
    """Write the page, whole or not at all."""
    atomic.write_text(file, bench_html(shown))


class _Chart:
    """Recall curves of one table as paths of an SVG of `WIDTH` x `HEIGHT`."""

    width, height, left, bottom = WIDTH, HEIGHT, LEFT, HEIGHT - 26

    def __init__(self, table: BenchTable) -> None:
        self._depth = max((len(row.curve) for row in table.rows), default=0)
        methods = list(dict.fromkeys(row.method for row in table.rows))
        values = [value for row in table.rows for value in row.curve]
        self._low, self._high = _range(values)
        self.empty = self._depth < 2
        self.grid = [(percent, self._y(percent / 100)) for percent in range(0, 101, 10)]
        self.grid = [(percent, y) for percent, y in self.grid if TOP - 1 <= y <= self.bottom + 1]
        self.ranks = [(at, self._x(at)) for at in (1, 5, 10, 15, 20, 50, 100) if at <= self._depth]
        self.lines = [
            {
                "name": row.name,
                "colour": COLOURS[methods.index(row.method) % len(COLOURS)],
                "dashed": row.stage == "untrained",
                "line": self._line(row.curve),
                "band": self._band(row),
            }
            for row in table.rows
            if len(row.curve) > 1
        ]

    def _x(self, rank: float) -> float:
        return LEFT + 8 + (WIDTH - LEFT - 20) * (rank - 1) / max(self._depth - 1, 1)

    def _y(self, value: float) -> float:
        return self.bottom - (self.bottom - TOP) * (value - self._low) / (self._high - self._low)

    def _line(self, values: Sequence[float]) -> str:
        return "L".join(f"{self._x(rank):.1f} {self._y(value):.1f}" for rank, value in enumerate(values, 1))

    def _band(self, row: BenchRow) -> str:
        if not row.spread:
            return ""
        pairs = list(zip(row.curve, row.spread, strict=True))
        above = [f"{self._x(n):.1f} {self._y(min(1.0, a + b)):.1f}" for n, (a, b) in enumerate(pairs, 1)]
        below = [f"{self._x(n):.1f} {self._y(max(0.0, a - b)):.1f}" for n, (a, b) in enumerate(pairs, 1)]
        return "L".join([*above, *reversed(below)])


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the tenths around all values."""
    if not values:
        return 0.0, 1.0
    low, high = int(min(values) * 10) / 10, -(-max(values) * 10 // 1) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), low + 0.1)
