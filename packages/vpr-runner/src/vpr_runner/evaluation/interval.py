"""The interval of a mean over queries, as a run asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpr_eval import bootstrap_interval
from vpr_runner.keys import key

__all__ = ["Interval"]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The 95 % bootstrap interval of a mean over queries.

    Attributes:
        samples: resamplings; 0: no interval is wanted.
        seed: of the run.
    """

    samples: int
    seed: int

    def of(self, values: npt.NDArray[np.float64]) -> tuple[float, float] | None:
        """Return the interval of ``values (Q,)``, or None where none is wanted."""
        if not self.samples:
            return None
        found = bootstrap_interval(values, samples=self.samples, seed=key(self.seed, "bootstrap") % 2**32)
        return float(found.low), float(found.high)
