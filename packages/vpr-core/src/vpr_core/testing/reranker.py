"""The contract of re-rankers, whatever they look at."""

from __future__ import annotations

from vpr_core.testing.case import Case
from vpr_core.testing.descriptor_reranker import DescriptorRerankerContract
from vpr_core.testing.local_reranker import LocalRerankerContract

__all__ = ["RerankerContract"]


class RerankerContract(DescriptorRerankerContract, LocalRerankerContract):
    """Runs `DescriptorRerankerContract` or `LocalRerankerContract`, as the spec's ``needs`` says; skips the other."""

    def test_needs_are_declared(self, case: Case) -> None:
        """``needs`` says which of the two protocols the re-ranker keeps."""
        needs = getattr(case.spec, "needs", None)
        case.require(
            needs in ("descriptors", "images", "maps"), f"needs must be descriptors, images or maps, got {needs!r}"
        )
        wanted = ("reorder",) if needs == "descriptors" else ("features", "score")
        made = case.build()
        missing = [name for name in wanted if not callable(getattr(made, name, None))]
        case.require(
            not missing, f"needs={needs!r} promises {' and '.join(wanted)}; build returns an object without {missing}"
        )
