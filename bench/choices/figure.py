"""All choices ordered by what they cost, as a PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from vpr_runner.bench.figure import COLOURS, MARKERS
from vpr_runner.files.atomic import write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.choices.verdict import Summary

__all__ = ["draw_costs"]

HEADS = ("NetVLAD", "GeM", "ConvAP")


def draw_costs(found: Sequence[Summary], path: Path) -> Path:
    """Draw for each choice the mean difference of recall@1 of each layer, and the span of all rows; return ``path``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ordered = sorted(found, key=lambda each: -each.mean)  # the dearest on top
    figure = Figure(figsize=(10, 1.5 + 0.17 * len(ordered)), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    places = range(len(ordered))
    low = [each.worst["difference@1"][0] for each in ordered]
    high = [each.best["difference@1"][0] for each in ordered]
    axis.hlines(places, low, high, color="#cccccc", linewidth=2, zorder=1, label="all rows")
    for number, head in enumerate(HEADS):
        shown = [(each.by[head], place) for place, each in zip(places, ordered, strict=True) if head in each.by]
        if shown:
            axis.plot(
                *zip(*shown, strict=True), MARKERS[number], color=COLOURS[number], markersize=3.5, label=head, zorder=2
            )
    axis.axvline(0, color="#888888", linewidth=0.8)
    axis.set_yticks(list(places), [label(each) for each in ordered], fontsize=6)
    axis.set_ylim(-1, len(ordered))
    axis.set_xlabel("change of recall@1 in points: mean of each layer over networks and sets")
    axis.grid(visible=True, axis="x", color="#dddddd", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8, frameon=False, loc="lower left")
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    write_bytes(path, content.getvalue())
    return path


def label(each: Summary) -> str:
    """A choice in a line: axis, name, side."""
    side = {"both": "", "queries": " (queries alone)", "database": " (database alone)"}[each.side]
    side = "" if each.axis in ("queries", "machine", "storage") else side
    return f"{each.axis}: {each.choice}{side}"
