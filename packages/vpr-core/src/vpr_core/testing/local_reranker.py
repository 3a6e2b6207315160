"""The contract of re-rankers that compare two images by local evidence."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

from vpr_core.components import ComponentConfig
from vpr_core.matching import SupportsEarlyStop
from vpr_core.testing.case import Case, Contract
from vpr_core.testing.descriptor_reranker import without_first
from vpr_core.testing.fields import check_fields_matter, digest

__all__ = ["LocalRerankerContract"]

Array = npt.NDArray[Any]
Features = Mapping[str, Array]


class LocalRerankerContract(Contract):
    """Features of an image are arrays that can be kept; a score is a number of two of them, the same every time.

    Attributes:
        image_size: ``(H, W)`` of the images it is tried with.
        map_shape: ``(C, h, w)`` of the feature maps.
        recognises: a second view of a place scores above another place; False for a matcher without its weights.
    """

    kind = "reranker"
    image_size: ClassVar[tuple[int, int]] = (240, 320)
    map_shape: ClassVar[tuple[int, int, int]] = (16, 15, 20)
    recognises: ClassVar[bool] = True

    def local(self, case: Case, config: ComponentConfig | None = None) -> Any:
        """Build a re-ranker; skip one that looks at descriptors."""
        if getattr(case.spec, "needs", None) not in ("images", "maps"):
            pytest.skip("looks at descriptors")
        return case.build_with(config or case.config)

    def place(self, case: Case, number: int, *, view: int = 0) -> Array:
        """What the re-ranker looks at: one place, from two points of view."""
        if case.spec.needs == "maps":  # type: ignore[attr-defined]
            channels, height, width = self.option(case, "map_shape")
            world = np.random.default_rng(number).normal(size=(channels, height, width + 1))
            seen = world[:, :, view : view + width] + 0.05 * np.random.default_rng(view).normal(
                size=(channels, height, width)
            )
            return np.ascontiguousarray(seen, dtype=np.float32)
        height, width = self.option(case, "image_size")
        return _picture(number, height, width + 8)[:, 8 * view : 8 * view + width].copy()

    def blank(self, case: Case) -> Array:
        """An image in which there is nothing, or its map."""
        there = self.place(case, 1)
        return np.zeros_like(there) if case.spec.needs == "maps" else np.full_like(there, 128)  # type: ignore[attr-defined]

    def test_features_can_be_kept(self, case: Case) -> None:
        """A mapping of names to numeric arrays of their own, the same for the same image, also of an empty one."""
        local = self.local(case)
        for source in (self.place(case, 1), self.blank(case)):
            kept = source.copy()
            found = local.features(source)
            case.require(
                isinstance(found, Mapping) and found, f"features must be a mapping, got {type(found).__name__}"
            )
            odd = [
                name
                for name, value in found.items()
                if not isinstance(name, str) or not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf"
            ]
            case.require(not odd, f"features {odd} are no numeric arrays under a text; hosts keep them on disk")
            case.require(np.array_equal(source, kept), "features() changes its image in place; copy first")
            before = digest(found)
            case.require(
                digest(local.features(np.repeat(source, 2, axis=0)[::2])) == before,
                "the same image gives other features the second time, or from strided memory; draw nothing",
            )
            source[:] = 0
            case.require(digest(found) == before, "features change with the image they came from; copy")

    def test_scores_are_numbers_of_two_images(self, case: Case) -> None:
        """Finite, the same every time, whatever was scored before, and whether features come from memory or disk."""
        local = self.local(case)
        query, same, other, blank = self.four(case, local)
        first = self.score(case, local, query, same)
        for pair in ((query, other), (other, query), (query, blank), (blank, query), (blank, blank), (query, query)):
            before = digest(*pair)
            self.score(case, local, *pair)
            case.require(digest(*pair) == before, "score() changes the features in place; copy first")
        for said, pair in {
            "after others were scored": (query, same),
            "with features from disk": (_from_disk(query), _from_disk(same)),
        }.items():
            again = self.score(case, local, *pair)
            case.require(again == first, f"the score of two images is {first!r} at first and {again!r} {said}")

    def test_the_same_place_scores_higher(self, case: Case) -> None:
        """A second view of a place scores above another place, and above an image in which there is nothing."""
        local = self.local(case)
        if not self.option(case, "recognises"):
            pytest.skip("does not promise to recognise anything here")
        query, same, other, blank = self.four(case, local)
        there = self.score(case, local, query, same)
        for said, features in {"another place": other, "an empty image": blank}.items():
            elsewhere = self.score(case, local, query, features)
            case.require(
                there > elsewhere,
                f"a second view scores {there:.6g}, {said} {elsewhere:.6g}; higher means more alike",
            )

    def test_early_stop_only_looks(self, case: Case) -> None:
        """``enough`` says True or False of the scores so far, and the same of the same."""
        local = self.local(case)
        if not isinstance(local, SupportsEarlyStop):
            pytest.skip("scores all candidates")
        query, same, other, _ = self.four(case, local)
        scores = [self.score(case, local, query, features) for features in (same, other, other)]
        for length in (1, 2, 3):
            given = scores[:length]
            said = [local.enough(given) for _ in range(2)]
            case.require(
                all(isinstance(item, (bool, np.bool_)) for item in said) and said[0] == said[1],
                f"enough({length} scores) must be True or False, and the same twice; got {said}",
            )
            case.require(given == scores[:length], "enough() changes the scores; look only")

    def test_local_fields_matter(self, case: Case) -> None:
        """Each parameter but ``first`` changes features, scores or where it stops."""
        self.local(case)
        check_fields_matter(without_first(case), lambda config: self.observe_scores(case, config))

    def observe_scores(self, case: Case, config: ComponentConfig) -> str:
        """Digest of features, scores and stops."""
        local = self.local(case, config)
        features = self.four(case, local)
        scores = [float(local.score(features[0], other)) for other in features]
        stops = [bool(local.enough(scores[:n])) for n in (1, 2, 4)] if isinstance(local, SupportsEarlyStop) else []
        return digest(list(features), scores, stops)

    def four(self, case: Case, local: Any) -> tuple[Features, Features, Features, Features]:
        """Features of a place, a second view of it, another place, and nothing."""
        views = (self.place(case, 1), self.place(case, 1, view=1), self.place(case, 2), self.blank(case))
        one, two, three, four = (local.features(view) for view in views)
        return one, two, three, four

    def score(self, case: Case, local: Any, query: Features, candidate: Features) -> float:
        """A score, which must be a finite number."""
        value = local.score(query, candidate)
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        case.require(number and bool(np.isfinite(value)), f"score must be a finite number, got {value!r}")
        return float(value)


def _from_disk(features: Features) -> Features:
    stream = io.BytesIO()
    np.savez(stream, **features)  # type: ignore[arg-type]
    stream.seek(0)
    with np.load(stream) as file:
        return {name: file[name] for name in file.files}


def _picture(number: int, height: int, width: int) -> Array:
    """A texture of blocks and spots with corners to find."""
    generator = np.random.default_rng(number)
    picture = np.full((height, width, 3), 128, dtype=np.float64)
    for _ in range(140):
        top, left = generator.integers(0, height - 8), generator.integers(0, width - 8)
        tall, wide = generator.integers(6, 40, size=2)
        picture[top : top + tall, left : left + wide] = generator.uniform(0, 255, size=3)
    return np.clip(picture + generator.normal(0, 4, size=picture.shape), 0, 255).astype(np.uint8)
