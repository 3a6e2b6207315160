"""Growth of time and memory as a PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from vpr_runner.bench.figure import COLOURS, MARKERS
from vpr_runner.files.atomic import write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["draw_growth"]


def draw_growth(rows: Sequence[dict[str, Any]], path: Path) -> Path:
    """Draw seconds and peak memory against the number of images, both axes logarithmic; return ``path``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.6), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    time, memory = figure.subplots(1, 2)
    for number, row in enumerate(rows):
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        time.plot(row["images"], row["seconds"], label=f"{row['step']}: images^{row['time_exponent']:.2f}", **style)
        used = [max(size, 2**20) / 2**20 for size in row["bytes"]]
        memory.plot(row["images"], used, label=f"{row['step']}: images^{row['memory_exponent']:.2f}", **style)
    for axis, label in ((time, "seconds"), (memory, "peak memory in MiB, at least 1")):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("images")
        axis.set_ylabel(label)
        axis.grid(visible=True, color="#dddddd", linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(fontsize=8, frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    write_bytes(path, content.getvalue())
    return path
