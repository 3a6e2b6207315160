"""The re-ranker on a matcher of vismatch's shape: its weights come from the network, which tests have none of."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from vpr_core import build_registry
from vpr_core.testing import RerankerContract
from vpr_core.trust import ForeignChoiceError, refuse_foreign_choices
from vpr_rerank import RootSIFTMatcher, mutual_nearest
from vpr_rerank.rootsift import root


class Matcher:
    """Of the interface of vismatch 1.4's `BaseMatcher`: two float images ``(3, H, W)`` in 0..1, a dictionary out."""

    def __init__(self, name: str, device: str, most: int) -> None:
        self.name, self.device, self.skip_ransac = name, device, False
        self._sift = RootSIFTMatcher(keypoints=most)

    def __call__(self, img0: Any, img1: Any) -> dict[str, Any]:
        assert self.skip_ransac
        seen = []
        for image in (img0, img1):
            assert image.shape[0] == 3
            assert image.dtype == np.float32
            assert 0 <= image.min() <= image.max() <= 1
            seen.append(self._sift.features(np.round(255 * image.transpose(1, 2, 0)).astype(np.uint8)))
        left, right = mutual_nearest(*(root(one["descriptors"]) for one in seen))
        points = [seen[0]["points"][left], seen[1]["points"][right]]
        if self.name == "sift-nn":
            points = [points[0][::2], points[1][::2]]
        return {"num_inliers": 0, "matched_kpts0": points[0], "matched_kpts1": points[1], "H": None}


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("vismatch")
    module.available_models = ["superpoint-lightglue", "sift-nn", "roma"]  # type: ignore[attr-defined]

    def get_matcher(name: str, device: str = "cpu", max_num_keypoints: int = 2048) -> Matcher:
        if name == "roma":
            raise OSError("no such host")
        return Matcher(name, device, max_num_keypoints)

    module.get_matcher = get_matcher  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vismatch", module)


REGISTRY = build_registry()


class TestVismatch(RerankerContract):
    spec = REGISTRY.get("reranker", "vismatch")
    other = {"matcher": ["sift-nn"], "keypoints": [60], "sure": [5]}  # noqa: RUF012
    inert = {"device": "the fake runs nowhere"}  # noqa: RUF012


def test_what_cannot_be_had_is_said() -> None:
    spec = REGISTRY.get("reranker", "vismatch")
    with pytest.raises(ValueError, match=r"'lofter' is none that vismatch has; it has roma, sift-nn"):
        spec.build(spec.config(matcher="lofter"))
    with pytest.raises(RuntimeError, match=r"roma of vismatch cannot be had \(OSError: no such host\)"):
        spec.build(spec.config(matcher="roma"))


def test_without_vismatch_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vismatch", None)
    spec = REGISTRY.get("reranker", "vismatch")
    with pytest.raises(ModuleNotFoundError, match=r"vpr-vismatch\[vismatch\]"):
        spec.build(spec.config())


def test_what_came_with_a_file_cannot_choose_it() -> None:
    block = {"rerank": {"type": "vismatch"}}
    with pytest.raises(ForeignChoiceError, match="vismatch"):
        refuse_foreign_choices(block, REGISTRY, source="map", kinds={"reranker"})
