"""One row of a result: which photos, which network, what the threshold was learnt on, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vpr_runner.locate.calibration import Calibration

__all__ = ["row_of"]


def row_of(
    *,
    photos: str,
    network: str,
    learnt_on: str,
    model: str,
    data: dict[str, Any],
    calibrations: Sequence[Calibration],
    evaluation: dict[str, Any],
    trained: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return the row as JSON has it."""
    return {
        "photos": photos,
        "network": network,
        "learnt_on": learnt_on,
        "model": model,
        "data": data,
        "calibrations": [one.to_json() for one in calibrations],
        "evaluation": evaluation,
        "trained": trained,
    }
