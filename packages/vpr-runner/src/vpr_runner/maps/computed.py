"""A map is asked by what made it: descriptors of two runtimes or precisions are not compared unasked."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vpr_core import UsageError
from vpr_runner.extraction.runtime_file import RUNTIME_FILE, RuntimeFile
from vpr_runner.maps.mixing import INT8, PRECISION
from vpr_runner.maps.opened import origin_of

if TYPE_CHECKING:
    from vpr_runner.encoding.compute import Compute
    from vpr_runner.encoding.execution import Execution
    from vpr_runner.maps.opened import Map

__all__ = ["NEAR", "check_computed", "learnt_by"]

NEAR = 0.999
"""Smallest cosine between descriptors of one image by two runtimes that are compared unasked, with a word."""
log = logging.getLogger(__name__)


def learnt_by(opened: Map) -> Path | None:
    """Return the file of what a map's runtime has learnt, compared with the seal; None when there is none.

    Raises:
        UsageError: it is damaged, or more than data.
    """
    if opened.seal is not None and RUNTIME_FILE in opened.seal.files:
        opened.seal.check(RUNTIME_FILE)
    return RuntimeFile(opened.folder).found()


def check_computed(
    opened: Map,
    execution: Execution | None,
    compute: Compute,
    *,
    asked: bool | None = None,
    remedy: str = "Install what made the map, or extract it again",
) -> None:
    """Refuse, or say with its number, that a map's rows were computed otherwise than queries are going to be.

    Args:
        opened: the map.
        execution: of the queries; None: torch.
        compute: of the queries.
        asked: the user has said which runtime: then it is said, and done. None: here there is no way to say it.
        remedy: what to do where there is none.

    Raises:
        UsageError: the two may be farther apart than `NEAR`, or nobody knows how far.
    """
    own = opened.descriptors.computed
    other = f"torch {compute.precision}" if execution is None else execution.identity
    if own == other:
        return
    apart = _apart(_of_map(opened, own), _of_queries(execution, other))
    number = "nobody has measured how far apart they are" if apart is None else f"cosines down to {apart:.6f}"
    said = f"{opened.folder} was computed by {own}, its queries are by {other}: {number}"
    if {own.partition(" ")[0], other.partition(" ")[0]} == {"torch"}:
        said += f"; in docs/choices.md: {PRECISION}"
    elif ("int8" in own.split()) != ("int8" in other.split()):
        said += f"; in docs/choices.md: {INT8}"
    if asked or (apart is not None and apart >= NEAR):
        log.warning("%s", said)
        return
    if asked is None:
        raise UsageError(f"{said}. {remedy}")
    raise UsageError(
        f"{said}. Install what made the map, extract it again, or, to compare them nonetheless, say by what: --set "
        f"compute.runtime='{{type: {other.split()[0]}}}'"
    )


def _of_map(opened: Map, identity: str) -> float | None:
    """The smallest cosine of the map's rows to torch's float32, as its maker measured it."""
    if identity == "torch float32":
        return 1.0
    said: Any = origin_of(opened).get("runtime")
    cosine = said.get("cosine_to_torch_float32") if isinstance(said, dict) else None
    value = cosine.get("smallest") if isinstance(cosine, dict) else None
    return float(value) if isinstance(value, float) and 0 <= value <= 1 + 1e-6 else None


def _of_queries(execution: Execution | None, identity: str) -> float | None:
    if identity == "torch float32":
        return 1.0
    return None if execution is None or execution.cosine is None else execution.cosine[0]


def _apart(one: float | None, two: float | None) -> float | None:
    """The least cosine of two vectors whose angles to a third are given: angles add up."""
    if one is None or two is None:
        return None
    angle = sum(math.acos(min(1.0, value)) for value in (one, two))
    return math.cos(min(angle, math.pi))
