"""Loop closures within one drive: where it comes back to a place that it has seen.

``rules`` says what counts as one, ``memory`` keeps descriptors in bounded room, ``detector`` asks image by image,
online, ``offline`` a whole drive; ``times`` finds when images were taken, ``truth`` where they were, and what loops are
worth by that; ``written`` writes what other tools read, ``picture`` draws the similarity matrix.
"""

from __future__ import annotations

from vpr_runner.loops.detector import LoopDetector
from vpr_runner.loops.rules import LoopCandidate, LoopRules

__all__ = ["LoopCandidate", "LoopDetector", "LoopRules"]
