from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_core import UsageError
from vpr_data import Frame, ImageSet
from vpr_runner import assemble
from vpr_runner.cli import main
from vpr_runner.locate.calibrate import Asked, errors, learn, threshold
from vpr_runner.locate.judge import as_text, judge, judge_elsewhere
from vpr_runner.locate.locator import Locator
from vpr_runner.maps.opened import open_map
from vpr_runner.maps.places import Places
from vpr_runner.maps.write import write_map


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("precision", [0.5, 0.9, 1.0])
def test_the_threshold_is_what_every_distance_tried_says(seed: int, precision: float) -> None:
    generator = np.random.default_rng(seed)
    distances = generator.integers(0, 12, 30).astype(np.float64)  # with ties
    right = generator.random(30) < 0.9 - distances / 20
    good = [t for t in distances if right[distances <= t].mean() >= precision]
    assert threshold(distances, right, precision=precision) == (max(good) if good else None)


def test_no_threshold_of_nothing() -> None:
    assert threshold(np.zeros(0), np.zeros(0, dtype=bool), precision=0.9) is None
    assert threshold(np.array([1.0]), np.array([False]), precision=0.9) is None


def _asked(count: int = 400) -> tuple[Asked, Places]:
    """A map of a grid at 10 m; near answers are right, far ones anywhere."""
    generator = np.random.default_rng(4)
    xy = np.stack(np.meshgrid(np.arange(20) * 10.0, np.arange(20) * 10.0), axis=-1).reshape(-1, 2)
    truth = generator.uniform(0, 190, (count, 2))
    order = np.argsort(np.linalg.norm(truth[:, None] - xy[None], axis=2), axis=1)[:, :10]
    first = generator.uniform(0.1, 1.2, count)
    lost = first > 0.8
    order[lost] = generator.integers(0, len(xy), (int(lost.sum()), 10))
    distances = first[:, None] + np.linspace(0, 0.2, 10)
    return Asked(rows=order.astype(np.int64), distances=distances, truth=truth), Places(names=("",) * len(xy), xy=xy)


def test_two_of_two_are_no_evidence() -> None:
    distances, right = np.arange(40) / 10, np.ones(40, dtype=bool)
    right[2:] = False
    assert threshold(distances, right, precision=0.99) == 0.1
    assert threshold(distances, right, precision=0.99, least=20) is None
    right[:30] = True
    assert threshold(distances, right, precision=0.99, least=20) == 2.9
    asked, places = _asked()
    few = asked.some(np.argsort(asked.distances[:, 0])[-80:])  # the farthest, and nearly all wrong
    learnt = learn(few, places, floor=5, within=25, learnt="made up", rows="")
    assert (learnt.threshold, learnt.believed) == (None, 0)


def test_what_is_learnt_holds_for_other_photos() -> None:
    asked, places = _asked()
    learnt = learn(asked, places, floor=5, within=25, learnt="made up", rows="")
    assert learnt.threshold is not None
    assert 0.75 < learnt.threshold < 0.86
    assert learnt.interval is not None
    assert learnt.interval[0] <= learnt.threshold <= learnt.interval[1]
    assert learnt.right >= 0.99 * learnt.believed
    first = np.linalg.norm(places.xy[asked.rows[:, 0]] - asked.truth, axis=1)  # type: ignore[index]
    assert np.median(errors(asked, places, scale=learnt.scale)[0]) <= np.median(first)
    assert np.allclose(errors(asked, places, scale=0)[0], first)
    found = judge(asked, places, floor=5, within=25, precision=0.99)
    assert found["median_error"]["estimate"] < found["median_error"]["first_answer"]
    assert 0.8 < found["believed"]["within_radius"] < 0.98  # 90 % is promised
    assert abs(found["refused"] - (asked.distances[:, 0] > 0.8).mean()) < 0.05
    assert sum(one["photos"] for one in found["reliability"]) == len(asked)
    assert "inside radius" in as_text(found)


def test_what_is_learnt_in_one_area_is_judged_in_another() -> None:
    asked, places = _asked()
    learnt = learn(asked.some(np.arange(200)), places, floor=5, within=25, learnt="made up", rows="")
    other = asked.some(np.arange(200, 400))
    found = judge_elsewhere(other, places, learnt, floor=5)
    off = errors(other, places, scale=learnt.scale, reach=learnt.reach or np.inf)[0]
    first = np.linalg.norm(places.xy[other.rows[:, 0]] - other.truth, axis=1)  # type: ignore[index]
    assert found["photos"] == 200
    assert found["median_error"] == {"first_answer": np.median(first), "estimate": np.median(off)}
    assert found["difference_within"]["value"] == (off <= 25).mean() - (first <= 25).mean()
    assert found["refused"] == (other.distances[:, 0] > learnt.threshold).mean()
    low, high = found["difference_within"]["interval"]
    assert low <= found["difference_within"]["value"] <= high


def test_estimates_are_not_drawn_to_the_middle_of_the_map() -> None:
    """Nine answers in ten are anywhere: the middle has a lower median error, and is right for nobody."""
    generator = np.random.default_rng(7)
    xy = np.stack(np.meshgrid(np.arange(30) * 10.0, np.arange(30) * 10.0), axis=-1).reshape(-1, 2)
    truth = generator.uniform(0, 290, (300, 2))
    rows = generator.integers(0, len(xy), (300, 10))
    good = generator.random(300) < 0.1
    rows[good, 0] = np.linalg.norm(truth[good, None] - xy[None], axis=2).argmin(axis=1)
    distances = np.sort(generator.uniform(0.9, 1.1, (300, 10)), axis=1)
    asked, places = Asked(rows=rows, distances=distances, truth=truth), Places(names=("",) * len(xy), xy=xy)
    learnt = learn(asked, places, floor=5, within=25, learnt="made up", rows="")
    middle = np.median(errors(asked, places, scale=0.5)[0])
    first = errors(asked, places, scale=0)[0]
    assert middle < np.median(first)
    off = errors(asked, places, scale=learnt.scale, reach=learnt.reach or np.inf)[0]
    assert (off <= 25).mean() >= (first <= 25).mean()


def test_a_map_without_a_right_answer_believes_nothing() -> None:
    asked, places = _asked()
    moved = Asked(rows=asked.rows, distances=asked.distances, truth=asked.truth + 1e5)
    learnt = learn(moved, places, floor=5, within=25, learnt="", rows="")
    assert (learnt.threshold, learnt.interval, learnt.believed) == (None, None, 0)
    with pytest.raises(UsageError, match="9 photos whose place is known"):
        learn(asked.some(np.arange(9)), places, floor=5, within=25, learnt="", rows="")


def test_a_calibrated_map_says_whether_to_believe(
    make_config: Any, engine_registry: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twelve places, two photos each: told apart by their colour."""
    folder = tmp_path / "photos"
    folder.mkdir()
    generator = np.random.default_rng(1)
    colours = generator.integers(0, 200, (12, 4, 5, 3))
    names, degrees = [], []
    for place in range(12):
        for photo in range(2):
            pixels = colours[place].repeat(8, axis=0).repeat(8, axis=1) + generator.integers(0, 20, (32, 40, 3))
            names.append(f"{place}-{photo}.png")
            Image.fromarray(pixels.astype(np.uint8)).save(folder / names[-1])
            degrees.append((48.2 + place * 0.001, 16.37 + photo * 0.00005))
    frame = Frame.local(latitude=48.2, longitude=16.37)
    images = ImageSet(root=folder, names=names, xy=frame.to_metres(degrees), degrees=np.array(degrees), frame=frame)
    config = make_config()
    output = tmp_path / "map"
    write_map(assemble(config, engine_registry).eval(), images, output=output, config=config, progress=False)
    assert main(["calibrate", str(output), "-q", "-o", str(tmp_path / "said.json")]) == 0
    assert "believed up to distance" in capsys.readouterr().out
    said = json.loads((tmp_path / "said.json").read_text())
    assert said["calibration"]["photos"] == said["evaluation"]["photos"] == 24
    assert said["calibration"]["right"] == said["calibration"]["believed"]
    opened = open_map(output)
    assert opened.seal is not None
    opened.seal.check()
    where = Locator.open(output)
    assert where(folder / names[3]).believed is True
    assert where(generator.integers(0, 256, (32, 40, 3), dtype=np.uint8)).believed in (True, False)
    # The positions change: what was learnt is of another map.
    images.degrees[:, 0] += 0.5
    moved = ImageSet(root=folder, names=names, xy=frame.to_metres(images.degrees), degrees=images.degrees, frame=frame)
    write_map(assemble(config, engine_registry).eval(), moved, output=output, config=config, progress=False)
    assert Locator.open(output)(folder / names[3]).believed is None
