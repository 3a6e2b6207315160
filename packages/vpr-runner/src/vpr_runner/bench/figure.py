"""Recall curves as a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_runner.bench.aggregate import curve
from vpr_runner.files.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_curves"]

# Okabe and Ito's palette, told apart with every common colour blindness; yellow is left out, too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = {"trained": "-", "untrained": "--"}


def draw_curves(result: dict[str, Any], path: Path) -> Path:
    """Draw recall@N against N for every method and stage, a panel for each (setting, test); return ``path``.

    A band is one standard deviation over seeds either way.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys((row["setting"], row["test"]) for row in result["rows"]))
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(7.2 * columns, 0.6 + 4.6 * lines), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns, squeeze=False)
    methods = list(dict.fromkeys(row["method"] for row in result["rows"]))
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw_panel(axis, result, panel, methods)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    figure.suptitle(result["suite"]["title"], fontsize=12)
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    write_bytes(path, content.getvalue())
    return path


def _draw_panel(axis: Axes, result: dict[str, Any], panel: tuple[str, str], methods: Sequence[str]) -> None:
    setting, test = panel
    members = [row for row in result["rows"] if (row["setting"], row["test"]) == panel]
    depth = max(int(at) for cell in result["cells"] for at in cell["tests"].get(test, {"recall": {"1": 0}})["recall"])
    for row in members:
        outcomes = [
            cell["tests"][test]
            for cell in result["cells"]
            if (cell["setting"], cell["method"], cell["stage"]) == (setting, row["method"], row["stage"])
        ]
        mean, spread = curve(outcomes, depth)
        ranks = range(1, depth + 1)
        number = methods.index(row["method"])
        colour = COLOURS[number % len(COLOURS)]
        axis.plot(
            ranks,
            100 * mean,
            LINES.get(row["stage"], ":"),
            color=colour,
            marker=MARKERS[number % len(MARKERS)],
            markersize=4.5,
            markevery=[rank - 1 for rank in (1, 2, 3, 5, 10, 15, 20) if rank <= depth],
            fillstyle="full" if row["stage"] == "trained" else "none",
            linewidth=1.6,
            label=f"{row['method']}, {row['stage']}",
        )
        if len(outcomes) > 1:
            axis.fill_between(
                ranks, 100 * (mean - spread), 100 * (mean + spread), color=colour, alpha=0.15, linewidth=0
            )
    axis.set_xlabel("N, retrieved images")
    axis.set_ylabel("recall@N in %")
    axis.set_xticks([rank for rank in (1, 5, 10, 15, 20, 50, 100) if rank <= depth])
    axis.set_ylim(top=min(101.0, axis.get_ylim()[1]))
    axis.grid(visible=True, color="#dddddd", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    label = ": ".join(part for part in panel if part)
    axis.set_title(f"{label + ', ' if label else ''}{members[0]['protocol']}", fontsize=9)
    axis.legend(fontsize=8, frameon=False, loc="lower right", ncols=2 if len(members) > 6 else 1)
