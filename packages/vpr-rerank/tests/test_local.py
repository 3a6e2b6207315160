"""Local evidence: mutual neighbours, inliers and the spatial score, each against its definition."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from vpr_rerank import DenseMatcher, mutual_nearest, spatial_score
from vpr_rerank.dense import patches_of

needs_opencv = pytest.mark.skipif(find_spec("cv2") is None, reason="OpenCV is not installed (extra opencv)")


def unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


@pytest.mark.parametrize(("n", "m", "dim"), [(1, 1, 3), (7, 12, 5), (40, 9, 64), (0, 4, 8), (4, 0, 8)])
def test_mutual_nearest_is_the_definition(n, m, dim):
    rng = np.random.default_rng(n + m)
    one, other = unit(rng.normal(size=(n, dim))).astype(np.float32), unit(rng.normal(size=(m, dim))).astype(np.float32)
    left, right = mutual_nearest(one, other)
    wanted = []
    for i in range(n):
        if not m:
            break
        far = [float(((one[i].astype(np.float64) - other[j]) ** 2).sum()) for j in range(m)]
        j = int(np.argmin(far))
        back = [float(((one[k].astype(np.float64) - other[j]) ** 2).sum()) for k in range(n)]
        if int(np.argmin(back)) == i:
            wanted.append((i, j))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == wanted
    with pytest.raises(ValueError, match="one D"):
        mutual_nearest(one, np.zeros((3, dim + 1), np.float32))


@pytest.mark.parametrize("dead", [0, 3])
def test_of_equally_near_features_the_first_counts(dead):
    """Rows that are there twice, on either side, and rows of zeros, which are equally near to everything."""
    corners = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]], dtype=np.float32)
    rng = np.random.default_rng(dead)
    one = np.concatenate([corners[rng.integers(0, 4, size=23)], np.zeros((dead, 3), np.float32)])
    other = np.concatenate([np.zeros((dead, 3), np.float32), corners[rng.integers(0, 3, size=17)]])
    for here, there in ((one, other), (other, one), (one[::2], other[1::3]), (one, corners), (corners, one)):
        left, right = mutual_nearest(here, there)
        near = here.astype(np.float64) @ there.astype(np.float64).T
        wanted = [
            (i, j)
            for i, row in enumerate(near.tolist())
            for j in [row.index(max(row))]
            if near[:, j].tolist().index(max(near[:, j].tolist())) == i
        ]
        assert list(zip(left.tolist(), right.tolist(), strict=True)) == wanted


def test_spatial_score_is_the_sum():
    rng = np.random.default_rng(0)
    query, candidate = rng.integers(0, 20, size=(9, 2)), rng.integers(0, 20, size=(9, 2))
    total = 0.0
    for axis, most in ((0, 19.0), (1, 14.0)):
        moved = [float(candidate[i, axis] - query[i, axis]) for i in range(9)]
        mean = sum(moved) / 9
        total += sum(max(0.0, 1 - abs(value - mean) / most) ** 2 for value in moved)
    assert spatial_score(query, candidate, most=(19.0, 14.0), patches=40) == pytest.approx(total / 40, rel=1e-12)
    assert spatial_score(query, query + 3, most=(19.0, 14.0), patches=9) == 2.0  # all displaced alike
    assert spatial_score(query[:0], candidate[:0], most=(19.0, 14.0), patches=40) == 0.0


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize(("shape", "sides"), [((3, 4, 5), (1, 4)), ((8, 7, 6), (3, 2)), ((2, 5, 5), (5,))])
def test_patches_are_the_means_of_their_locations(shape, sides, dtype):
    features = np.random.default_rng(sides[0]).normal(size=shape).astype(dtype)
    features[:, :2, :2] = 0  # a patch of side 1 or 2 without anything
    seen = np.moveaxis(np.ascontiguousarray(np.moveaxis(features, 0, 2)), 2, 0)  # the same map, otherwise in memory
    for given in (patches_of(features, sides), patches_of(seen, sides)):
        assert list(given) == list(sides)
        for side in sides:
            rows = [
                unit(features[:, y : y + side, x : x + side].astype(np.float64).reshape(shape[0], -1).mean(axis=1))
                for y in range(shape[1] - side + 1)
                for x in range(shape[2] - side + 1)
            ]
            assert given[side].dtype == np.float32
            np.testing.assert_allclose(given[side], rows, atol=1e-6)
    assert not patches_of(features, (1,))[1][0].any()


def test_a_query_is_compared_as_itself_whoever_was_asked_before():
    rng = np.random.default_rng(5)
    kept = DenseMatcher(patches=(1, 2, 4))
    sizes = [(8, 9), (8, 9), (3, 9), (6, 6)]
    maps = [kept.features(rng.normal(size=(6, *size)).astype(np.float32)) for size in sizes]
    for query in maps:
        for candidate in maps:
            assert kept.score(query, candidate) == DenseMatcher(patches=(1, 2, 4)).score(query, candidate)


def test_dense_features_prefer_the_shifted_view_at_other_sizes_too():
    world = np.random.default_rng(1).normal(size=(16, 12, 30)).astype(np.float32)
    other = np.random.default_rng(2).normal(size=(16, 12, 22)).astype(np.float32)
    matcher = DenseMatcher(patches=(1, 3), weights=(0.5, 0.5))
    query = matcher.features(world[:, :, :20])
    assert query["map"].dtype == np.float16
    assert matcher.score(query, matcher.features(world[:, :, 4:26])) > 2 * matcher.score(query, matcher.features(other))
    assert matcher.score(query, matcher.features(np.zeros((16, 12, 20), np.float32))) == 0.0
    assert matcher.score(query, query) == pytest.approx(2.0)
    assert DenseMatcher(sure=1.5).enough([0.2, 1.6])
    assert not DenseMatcher(sure=1.5).enough([0.2, 1.4])


@pytest.mark.parametrize(
    "given",
    [{"patches": ()}, {"patches": (2, 2, 3)}, {"weights": (1,)}, {"sure": 3.0}, {"patches": (0,), "weights": (1,)}],
)
def test_bad_dense_parameters(given):
    with pytest.raises(ValueError, match=r"patches|weights|sure"):
        DenseMatcher(**given)


def test_bad_maps():
    with pytest.raises(ValueError, match="feature map"):
        DenseMatcher().features(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="one C"):
        DenseMatcher().score({"map": np.zeros((3, 9, 9), np.float16)}, {"map": np.zeros((4, 9, 9), np.float16)})


@needs_opencv
def test_rootsift_is_the_square_root_of_the_l1_unit_descriptor():
    from vpr_rerank.rootsift import root

    rows = np.random.default_rng(0).integers(0, 256, size=(5, 128)).astype(np.uint8)
    rows[3] = 0
    wanted = [[(v / max(sum(map(int, row)), 1)) ** 0.5 for v in map(int, row)] for row in rows]
    np.testing.assert_allclose(root(rows), wanted, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(root(rows), axis=1), [1, 1, 1, 0, 1], atol=1e-6)


@needs_opencv
@pytest.mark.parametrize("model", ["homography", "fundamental"])
def test_inliers_are_the_matches_that_one_motion_explains(model):
    """60 points of a plane (or of a scene in depth) seen from two places, and 25 matches that are wrong."""
    from vpr_rerank.rootsift import count_inliers

    rng = np.random.default_rng(3)
    points = np.concatenate([rng.uniform(-2, 2, size=(60, 2)), np.full((60, 1), 6.0)], axis=1)
    if model == "fundamental":
        points[:, 2] = rng.uniform(4, 10, size=60)
    turn = 0.1
    rotated = points @ np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]).T
    one = 500 * points[:, :2] / points[:, 2:] + 300
    moved = rotated + np.array([0.5, 0.1, 0.0])
    other = 500 * moved[:, :2] / moved[:, 2:] + 300
    wrong = rng.uniform(0, 600, size=(25, 2, 2))
    if model == "homography":  # a fundamental matrix explains every match that lies on its line
        wrong[:, 1] = wrong[:, 0] + rng.uniform(200, 400, size=(25, 2))
    found = count_inliers(
        np.concatenate([one, wrong[:, 0]]), np.concatenate([other, wrong[:, 1]]), model=model, threshold=1.0
    )
    assert 60 <= found <= (60 if model == "homography" else 64)
    assert count_inliers(one[:3], other[:3], model=model, threshold=1.0) == 0


@needs_opencv
def test_rootsift_matcher_on_pictures():
    from vpr_rerank import RootSIFTMatcher

    rng = np.random.default_rng(0)
    wide = np.full((200, 320, 3), 128, np.uint8)
    for _ in range(200):
        y, x, a, b = rng.integers(0, [180, 300, 40, 40])
        wide[y : y + a, x : x + b] = rng.integers(0, 256, size=3)
    matcher = RootSIFTMatcher(keypoints=300, sure=50)
    query, same = matcher.features(wide[:, :280]), matcher.features(wide[:, 30:])
    nothing = matcher.features(np.full((64, 48, 3), 90, np.uint8))
    assert len(query["points"]) == len(query["descriptors"]) <= 300
    assert matcher.score(query, same) > 50
    assert matcher.score(query, nothing) == matcher.score(nothing, nothing) == 0
    assert matcher.enough([3.0, 51.0])
    assert not matcher.enough([3.0])
    with pytest.raises(ValueError, match="uint8"):
        matcher.features(np.zeros((4, 4), np.uint8))
    for bad in ({"keypoints": 3}, {"model": "affine"}, {"threshold": 0.0}, {"sure": 1}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            RootSIFTMatcher(**bad)
