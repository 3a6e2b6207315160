"""Whose code and weights a network is, under which terms, and what a user has to agree to before they are fetched."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BOQ", "COSPLACE", "EIGENPLACES", "MEGALOC", "SALAD", "Terms", "terms_of"]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Terms of a repository.

    Attributes:
        repository: ``owner/name`` on GitHub.
        licence: of code and weights, as far as known when this was written; the repository is what counts.
        also: what else is fetched, and its licence.
    """

    repository: str
    licence: str
    also: str = ""

    @property
    def url(self) -> str:
        """Where to read them."""
        return f"https://github.com/{self.repository}"

    def refusal(self, missing: list[str]) -> str:
        """Say what has to be agreed to, and how."""
        also = f" It fetches {self.also}." if self.also else ""
        return (
            f"backbone: {self.repository} is not used before you agree to it. Licence of its code and weights: "
            f"{self.licence}. Read it at {self.url}, with what it says of the training data.{also} Its Python code "
            f"will run on this machine. If you agree, set {' and '.join(f'backbone.{name}: true' for name in missing)} "
            "in the run file. Nothing has been downloaded"
        )


DINOV2 = "the DINOv2 backbone from facebookresearch/dinov2 (Apache-2.0)"
IMAGENET = "torchvision's ImageNet weights of its backbone (BSD-3-Clause)"

COSPLACE = Terms(repository="gmberton/CosPlace", licence="MIT", also=IMAGENET)
EIGENPLACES = Terms(repository="gmberton/EigenPlaces", licence="MIT", also=IMAGENET)
SALAD = Terms(repository="serizba/salad", licence="GPL-3.0", also=DINOV2)
BOQ = Terms(repository="amaralibey/Bag-of-Queries", licence="MIT", also=f"{DINOV2} or {IMAGENET}")
MEGALOC = Terms(
    repository="gmberton/MegaLoc", licence="none that we know of; code partly from serizba/salad (GPL-3.0)", also=DINOV2
)


def terms_of(repository: str) -> Terms:
    """Return the terms of any repository: known, or to be read there."""
    for terms in (COSPLACE, EIGENPLACES, SALAD, BOQ, MEGALOC):
        if terms.repository.lower() == repository.lower():
            return terms
    return Terms(repository=repository, licence="not known here")
