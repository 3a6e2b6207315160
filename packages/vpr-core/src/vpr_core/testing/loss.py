"""The contract of losses, whichever supervision they declare."""

from __future__ import annotations

from vpr_core.testing.case import Case
from vpr_core.testing.place_loss import PlaceLossContract
from vpr_core.testing.tuple_loss import TupleLossContract

__all__ = ["LossContract"]


class LossContract(TupleLossContract, PlaceLossContract):
    """Runs `TupleLossContract` or `PlaceLossContract`, as the spec's ``supervision`` says; skips the other."""

    def test_supervision_is_declared(self, case: Case) -> None:
        """``supervision`` says which of the two protocols the loss keeps."""
        supervision = getattr(case.spec, "supervision", None)
        case.require(
            supervision in ("tuples", "places"), f"supervision must be 'tuples' or 'places', got {supervision!r}"
        )
        loss = case.build()
        case.require(callable(loss), f"build must return something callable, got {type(loss).__name__}")
        has_terms = callable(getattr(loss, "terms", None))
        case.require(
            has_terms or supervision == "places",
            "a loss over tuples needs terms(...) -> (sum, count) beside forward; a loss over place labels declares "
            "supervision='places' in its LossSpec",
        )
