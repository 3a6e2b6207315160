"""The similarity matrix of a drive as a picture, loops marked."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpr_runner.files.atomic import write_bytes
from vpr_runner.loops.rules import LoopCandidate

__all__ = ["draw_similarity", "similarity_image"]

SIDE = 1000
"""Cells of a side, at most: beyond, the most similar pair of each cell is shown, so that a thin line of loops stays."""


def similarity_image(rows: npt.NDArray[Any], *, side: int = SIDE) -> npt.NDArray[np.float32]:
    """Return cosines ``(s, s)`` of descriptors ``(N, D)`` with unit rows: the largest of each cell of images; NaN rows
    are left out."""
    count = len(rows)
    cells = min(side, count)
    edges = np.linspace(0, count, cells + 1).astype(np.int64)
    known = np.asarray(rows, dtype=np.float32)
    found = np.full((cells, cells), -1, dtype=np.float32)
    for cell in range(cells):
        cosine = known[edges[cell] : edges[cell + 1]] @ known.T
        best = np.fmax.reduce(np.where(np.isfinite(cosine), cosine, -1), axis=0)
        found[cell] = np.maximum.reduceat(best, edges[:-1])
    return found


def draw_similarity(
    path: Path, rows: npt.NDArray[Any], loops: Sequence[LoopCandidate], *, right: Sequence[bool | None], title: str
) -> None:
    """Write the picture as PNG: earlier images to the right, later ones down; a loop is a ring, a wrong one a cross."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    image, count = similarity_image(rows), len(rows)
    figure = Figure(figsize=(7.5, 6.6), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    low = float(np.quantile(image, 0.02)) if image.size else 0.0
    shown = axis.imshow(image, cmap="viridis", vmin=low, vmax=1, extent=(0, count, count, 0), interpolation="nearest")
    for label, marker, colour, wanted in (
        ("loop", "o", "white", (None, True)),
        ("wrong", "x", "#D55E00", (False,)),
    ):
        some = [loop for loop, known in zip(loops, right, strict=True) if known in wanted]
        if some:
            axis.scatter(
                [loop.match + 0.5 for loop in some],
                [loop.query + 0.5 for loop in some],
                s=16,
                marker=marker,
                facecolors="none" if marker == "o" else colour,
                edgecolors=colour if marker == "o" else None,
                linewidths=0.8,
                label=f"{label} ({len(some)})",
            )
    axis.set_xlabel("earlier image")
    axis.set_ylabel("image")
    axis.set_title(title, fontsize=10)
    if loops:
        axis.legend(loc="upper right", fontsize=8, facecolor="#555555", labelcolor="white")
    figure.colorbar(shown, ax=axis, label="cosine of the descriptors")
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    write_bytes(path, content.getvalue())
