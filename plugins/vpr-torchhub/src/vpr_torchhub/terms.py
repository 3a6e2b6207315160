"""Whose code and weights a network is, under which terms, and what a user has to agree to before they are fetched."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DINOV2", "IMAGENET", "SAME_AS_CODE", "Terms"]

DINOV2 = "the DINOv2 backbone from facebookresearch/dinov2 (Apache-2.0)"
IMAGENET = "torchvision's ImageNet weights of its backbone (BSD-3-Clause)"
SAME_AS_CODE = "not stated apart from the code's"
TORCH_HUB = "torch hub's cache (TORCH_HOME, else ~/.cache/torch)"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Terms of a repository, as far as known when this was written; the repository is what counts.

    Attributes:
        repository: ``owner/name`` on GitHub.
        code: licence of the code.
        weights: licence of the weights as their authors leave it: what they leave open is left open here.
        also: what else is fetched, and its licence.
        caches: where code and weights are kept: what to copy to a machine without a network.
    """

    repository: str
    code: str
    weights: str = SAME_AS_CODE
    also: str = ""
    caches: str = TORCH_HUB

    @property
    def url(self) -> str:
        """Where to read them."""
        return f"https://github.com/{self.repository}"

    @property
    def said(self) -> str:
        """Both licences in a few words."""
        return f"licence of its code: {self.code}; of its weights: {self.weights}"

    def refusal(self, missing: list[str]) -> str:
        """Say what has to be agreed to, and how."""
        also = f" It fetches {self.also}." if self.also else ""
        return (
            f"backbone: {self.repository} is not used before you agree to it. Licence of its code: {self.code}; of its "
            f"weights: {self.weights}. Read it at {self.url}, with what it says of the training data.{also} Its Python "
            f"code will run on this machine. If you agree, set "
            f"{' and '.join(f'backbone.{name}: true' for name in missing)} in the run file. Nothing has been downloaded"
        )
