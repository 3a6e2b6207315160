"""What was learnt about a map's answers: ``calibration.json``, sealed with the map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

__all__ = ["CALIBRATION_FILE", "Calibration"]

CALIBRATION_FILE = "calibration.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """When the answers of one map are to be believed.

    Attributes:
        threshold: largest distance of a first answer that is believed; None: no distance reaches ``precision``.
        interval: 95 % bootstrap interval of the threshold over photos; None with it.
        precision: share of believed first answers that were to be right, 0.99.
        within: metres (frames) from the truth within which an answer is right.
        scale: of the weights, `vpr_runner.locate.estimate.weights`.
        reach: in metres, of `vpr_runner.locate.estimate.agreeing`; None: without limit.
        stretch: an estimate's radius is this times the spread of its answers ...
        coverage: ... which covers the truth for this share of the photos that are believed.
        photos: how many it was learnt from.
        believed: how many of them are.
        right: how many of those are right.
        learnt: from what, in words.
        rows: digest of the descriptors and positions that it belongs to.
    """

    threshold: float | None
    interval: tuple[float, float] | None
    precision: float
    within: float
    scale: float
    stretch: float
    coverage: float
    photos: int
    believed: int
    right: int
    learnt: str
    rows: str
    reach: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Read what `to_json` returned.

        Raises:
            ValueError: it is something else; names the field.
        """
        if not isinstance(content, Mapping) or content.get("format") != FORMAT:
            raise ValueError(f"is no calibration of format {FORMAT}")
        values: dict[str, Any] = {field.name: content.get(field.name) for field in fields(cls)}
        for name in ("precision", "within", "scale", "stretch", "coverage"):
            values[name] = _number(name, values[name])
        for name in ("photos", "believed", "right"):
            if type(values[name]) is not int or values[name] < 0:
                raise ValueError(f"{name} is {values[name]!r}, not a count")
        for name in ("learnt", "rows"):
            if not isinstance(values[name], str):
                raise ValueError(f"{name} is {values[name]!r}, not text")
        for name in ("threshold", "reach"):  # maps of earlier versions have no reach
            if values[name] is not None:
                values[name] = _number(name, values[name])
        if values["interval"] is not None:
            if not isinstance(values["interval"], list) or len(values["interval"]) != 2:
                raise ValueError(f"interval is {values['interval']!r}, not two numbers")
            values["interval"] = tuple(_number("interval", value) for value in values["interval"])
        return cls(**values)

    def believes(self, distance: float) -> bool:
        """Return whether a first answer at this distance is to be believed."""
        return self.threshold is not None and distance <= self.threshold


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"{name} is {value!r}, not a number of at least 0")
    return float(value)
