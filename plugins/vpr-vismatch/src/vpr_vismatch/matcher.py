"""Two images compared by a matcher of vismatch; matches that one camera motion explains are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vpr_rerank.rootsift import count_inliers

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

__all__ = ["VismatchReranker"]


class VismatchReranker:
    """Scores a candidate by the inliers of RANSAC among the matches that a matcher finds.

    A matcher takes two images and gives matches, not features of one image: what is kept of an image is its pixels. Its
    own RANSAC is left out: it counts nothing for some matchers, and its draws are not those of the other re-rankers.

    Args:
        matcher: name, as ``vismatch.available_models`` lists it.
        keypoints: most of an image, where the matcher has any.
        model: what must explain the matches.
        threshold: pixels that a match may miss the model by.
        sure: inliers at which no further answer is looked at; None: all are.
        device: where the matcher runs.

    Raises:
        ModuleNotFoundError: vismatch is not installed.
        ValueError: it has no such matcher.
        RuntimeError: the matcher cannot be had: no network, or no weights.
    """

    def __init__(
        self,
        *,
        matcher: str = "superpoint-lightglue",
        keypoints: int = 2048,
        model: Literal["homography", "fundamental"] = "homography",
        threshold: float = 6.0,
        sure: int | None = None,
        device: str = "cpu",
    ) -> None:
        self.model, self.threshold, self.sure = model, threshold, sure
        self._matcher = _matcher(matcher, device=device, keypoints=keypoints)
        self._matcher.skip_ransac = True

    def features(self, source: Array) -> Mapping[str, Array]:
        """Return a copy of the image, uint8 ``(H, W, 3)``."""
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3:
            raise ValueError(f"an image is uint8 (H, W, 3), got {source.dtype} {source.shape}")
        return {"image": np.array(source, order="C")}

    def score(self, query: Mapping[str, Array], candidate: Mapping[str, Array]) -> float:
        """Return the number of inliers."""
        found = self._matcher(_as_input(query["image"]), _as_input(candidate["image"]))
        one, other = np.asarray(found["matched_kpts0"]), np.asarray(found["matched_kpts1"])
        return float(count_inliers(one, other, model=self.model, threshold=self.threshold))

    def enough(self, scores: Sequence[float]) -> bool:
        """Whether one of the answers is sure."""
        return self.sure is not None and max(scores) >= self.sure


def _as_input(image: Array) -> npt.NDArray[np.float32]:
    """From uint8 ``(H, W, 3)`` to what vismatch takes: float ``(3, H, W)`` in 0..1."""
    return np.asarray(np.ascontiguousarray(image.transpose(2, 0, 1)) / 255, dtype=np.float32)


def _matcher(name: str, *, device: str, keypoints: int) -> Any:
    try:
        import vismatch
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'the re-ranker vismatch needs the package of that name: pip install "vpr-vismatch[vismatch]"',
            name="vismatch",
        ) from error
    known = list(vismatch.available_models)
    if name not in known:
        raise ValueError(f"matcher: {name!r} is none that vismatch has; it has {', '.join(sorted(known))}")
    try:
        return vismatch.get_matcher(name, device=device, max_num_keypoints=keypoints)
    except Exception as error:  # whatever a matcher's own code raises when its weights cannot be had
        raise RuntimeError(
            f"matcher: {name} of vismatch cannot be had ({type(error).__name__}: {error}); its weights come from the "
            "network on first use"
        ) from error
