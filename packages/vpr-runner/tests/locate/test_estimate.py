from __future__ import annotations

import json
import math

import numpy as np
import pytest

from vpr_data import Frame
from vpr_runner.locate.calibration import Calibration
from vpr_runner.locate.estimate import agreeing, geometric_median, position, weights
from vpr_runner.locate.guess import Guess, rows_of, spacing
from vpr_runner.maps.places import Places

UTM = np.array([334_567.125, 6_254_321.875])


def reference_median(points: np.ndarray, weight: np.ndarray) -> float:
    """The least cost on a grid that is made finer ten times, in float64."""
    low, high = points.min(axis=0), points.max(axis=0)
    for _ in range(10):
        xs, ys = np.linspace(low[0], high[0], 41), np.linspace(low[1], high[1], 41)
        grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        costs = np.linalg.norm(grid[:, None] - points[None], axis=2) @ weight
        best, step = grid[costs.argmin()], (high - low) / 8
        low, high = best - step, best + step
    return float(costs.min())


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("count", [1, 2, 3, 7, 10])
def test_the_median_costs_least(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    points = UTM + generator.normal(size=(count, 2)) * 10 ** generator.uniform(-2, 4)
    if seed % 3 == 0:
        points[-1] = points[0]  # two photos of one place
    weight = generator.dirichlet(np.ones(count))
    here = geometric_median(points, weight)
    cost = float(np.linalg.norm(points - here, axis=1) @ weight)
    size = np.ptp(points, axis=0).max() + 1e-9
    assert cost <= reference_median(points - UTM, weight) + 1e-6 * size


def test_half_of_all_weight_decides_and_an_outlier_does_not() -> None:
    points = UTM + np.array([[0.0, 0.0], [3.0, 0.0], [90_000.0, 50_000.0]])
    assert geometric_median(points, np.array([0.5, 0.3, 0.2])).tolist() == points[0].tolist()
    around = UTM + np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0], [90_000.0, 50_000.0]])
    assert np.linalg.norm(geometric_median(around, np.ones(5)) - UTM) < 6
    assert np.allclose(geometric_median(np.zeros((4, 2)), np.ones(4)), 0)


def test_weights_are_the_softmax_that_they_say() -> None:
    distances = np.array([0.5, 0.7, 1.1], dtype=np.float32)
    squared = distances.astype(np.float64) ** 2
    wanted = np.exp(-squared / 0.3**2) / np.exp(-squared / 0.3**2).sum()
    assert np.allclose(weights(distances, scale=0.3), wanted, rtol=1e-12)
    assert weights(distances, scale=0).tolist() == [1, 0, 0]
    assert weights(distances, scale=1e-9).tolist() == [1, 0, 0]
    assert weights([0.0, 0.0], scale=0).tolist() == [0.5, 0.5]
    for bad in ([], [np.nan], [1.0, np.inf], [[1.0]]):
        with pytest.raises(ValueError, match="distances must be finite"):
            weights(bad, scale=0.2)
    with pytest.raises(ValueError, match="points must have shape"):
        position(np.zeros((3, 2)), [1.0, 2.0], scale=0.2)


@pytest.mark.parametrize("seed", range(8))
def test_the_weights_of_what_agrees_are_what_the_formula_says(seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = UTM + generator.normal(size=(9, 2)) * 40
    weight, reach = generator.dirichlet(np.ones(9)), float(generator.uniform(5, 60))
    weight[3] = 0.0
    weight /= weight.sum()

    def near(k: int, j: int) -> float:
        (x, y), (a, b) = points[k], points[j]
        return math.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * reach**2))

    density = [sum(weight[j] * near(k, j) for j in range(9)) if weight[k] else -1.0 for k in range(9)]
    middle = density.index(max(density))
    wanted = np.array([weight[k] * near(k, middle) for k in range(9)])
    found = agreeing(np.stack([points, points[::-1]]), np.stack([weight, weight[::-1]]), reach=reach)
    assert np.allclose(found[0], wanted / wanted.sum(), rtol=1e-9)
    assert np.allclose(found[1][::-1], found[0], rtol=1e-9)
    assert agreeing(points, weight, reach=math.inf) is weight
    assert agreeing(points, weight, reach=1e-200).argmax() == weight.argmax()


def test_several_of_one_place_outvote_one_that_stands_alone() -> None:
    points = UTM + np.array([[900.0, 0.0], [0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [5000.0, 70.0]])
    distances = [0.50, 0.51, 0.51, 0.51, 0.51]
    here, spread = position(points, distances, scale=0.2, reach=20.0)
    assert np.linalg.norm(here - UTM) < 4
    assert spread < 6
    alone, _ = position(points, distances, scale=0.0, reach=20.0)
    assert alone.tolist() == points[0].tolist()


def _places() -> Places:
    degrees = np.array([[48.2, 16.37], [48.2001, 16.37], [np.nan, np.nan], [48.2, 16.3702]])
    frame = Frame.local(latitude=48.2, longitude=16.37)
    return Places(names=("a", "b", "c", "d"), degrees=degrees, xy=frame.to_metres(degrees), frame=frame)


CALIBRATION = Calibration(
    threshold=0.5,
    interval=(0.4, 0.6),
    precision=0.99,
    within=25.0,
    scale=0.1,
    stretch=3.0,
    coverage=0.9,
    photos=200,
    believed=100,
    right=99,
    learnt="leave one out",
    rows="0" * 64,
)


def test_a_guess_is_a_place_on_earth() -> None:
    places = _places()
    guess = Guess(places)
    found = guess(np.array([2, 0, 1, 3, -1]), np.array([0.1, 0.2, 0.9, 0.9, np.inf], dtype=np.float32), count=2)
    assert [answer.image for answer in found.answers] == ["c", "a"]
    assert (found.lat, found.lon) == (48.2, 16.37)  # to the last digit: the nearest that has a position outweighs
    assert found.believed is None
    assert "not calibrated" in str(found)
    assert found.radius_m is not None
    assert found.radius_m >= guess.floor == spacing(places) / 2 > 5
    split = guess(np.array([0, 1, 3]), np.array([0.30, 0.30, 0.30], dtype=np.float32))
    assert split.lat is not None
    assert 48.2 < split.lat < 48.2001


def test_what_a_calibration_says_is_said() -> None:
    guess = Guess(_places(), calibration=CALIBRATION)
    near = guess(np.array([0]), np.array([0.5], dtype=np.float32))
    assert near.believed is True
    assert near.radius_m == pytest.approx(3 * guess.floor)
    far = guess(np.array([0]), np.array([0.5001], dtype=np.float32))
    assert far.believed is False
    assert str(far).startswith("unknown place")


def test_without_positions_there_is_no_place() -> None:
    for places in (Places(names=("a", "b")), Places(names=("a", "b"), xy=np.full((2, 2), np.nan))):
        found = Guess(places)(np.array([1, 0]), np.array([0.1, 0.2], dtype=np.float32))
        assert (found.position, found.radius_m, found.estimate()) == ({}, None, None)
        assert len(found.answers) == 2
    nothing = Guess(_places())(np.array([-1]), np.array([np.inf], dtype=np.float32))
    assert (nothing.answers, nothing.position, nothing.distance) == ((), {}, None)


def test_rows_count_the_unreadable() -> None:
    assert rows_of(np.array([0, 2, -1]), np.array([0, 2, 3])).tolist() == [0, 3, -1]


def test_a_calibration_is_read_as_it_was_written_or_refused() -> None:
    written = json.loads(json.dumps(CALIBRATION.to_json()))
    assert Calibration.from_json(written) == CALIBRATION
    assert written["reach"] is None  # without limit, as in maps of earlier versions
    assert Calibration.from_json({name: value for name, value in written.items() if name != "reach"}) == CALIBRATION
    assert Calibration.from_json({**written, "reach": 12.5}).reach == 12.5
    nobody = {**written, "threshold": None, "interval": None}
    assert not Calibration.from_json(nobody).believes(0.0)
    for name, value in (
        ("format", 2),
        ("threshold", "0.5"),
        ("threshold", float("nan")),
        ("interval", [0.1]),
        ("stretch", -1),
        ("photos", 1.5),
        ("rows", None),
        ("scale", True),
        ("reach", "far"),
    ):
        with pytest.raises(ValueError, match=name):
            Calibration.from_json({**written, name: value})
    with pytest.raises(ValueError, match="format"):
        Calibration.from_json([])


def test_the_distance_between_places_is_that_of_every_pair() -> None:
    generator = np.random.default_rng(3)
    for xy in (
        generator.uniform(0, 1000, (1500, 2)),
        np.stack(np.divmod(np.arange(900), 30), axis=1) * 10.0,
        np.stack([np.zeros(700), np.arange(700.0)], axis=1),  # a street to the north: all have one x
        np.repeat(generator.uniform(0, 9, (3, 2)), 300, axis=0),  # a robot that stood in three places
        generator.integers(0, 30, (1500, 2)).astype(np.float64),
        np.zeros((200, 2)),
        np.full((3, 2), np.nan),
        np.zeros((0, 2)),
        np.ones((1, 2)),
    ):
        places = Places(names=tuple(map(str, range(len(xy)))), xy=xy)
        known = xy[np.isfinite(xy).all(axis=1)]
        sampled = np.unique(np.linspace(0, len(known) - 1, min(len(known), 128)).astype(int)) if len(known) else []
        away = [np.hypot(*(known - known[row]).T) for row in sampled]
        nearest = [one[one > 0].min() for one in away if (one > 0).any()]
        assert spacing(places) == (np.median(nearest) if nearest else 0.0)
