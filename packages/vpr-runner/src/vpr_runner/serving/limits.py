"""What a request may cost."""

from __future__ import annotations

from dataclasses import dataclass

from vpr_core import UsageError

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of the service; beyond one the answer is a 4xx or 503 with a sentence.

    Attributes:
        upload: bytes of one photo.
        pixels: of one photo, counted before it is decoded.
        photos: in one batch.
        waiting: requests that are worked on or wait; more are told to come again.
        answers: to one photo.
        seconds: that an upload may take.
    """

    upload: int = 20_000_000
    pixels: int = 50_000_000
    photos: int = 32
    waiting: int = 16
    answers: int = 50
    seconds: float = 30.0

    def __post_init__(self) -> None:
        for name in ("upload", "pixels", "photos", "waiting", "answers", "seconds"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name}: {getattr(self, name)}; must be more than 0")
