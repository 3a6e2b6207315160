"""Two drives along one route: weather, speed, detour, a loop that closes; and the other splits stay what they were."""

from __future__ import annotations

import numpy as np
import pytest

from vpr_data.city import SIZES, CityDataset, CitySize
from vpr_data.city.companions import companions_of
from vpr_data.city.drives import drives_of
from vpr_data.city.layout import lay_out
from vpr_data.city.numbering import photo_at

TINY = CitySize(name="tiny", height=16, width=24, stations=(3, 2, 3), queries=(4, 2, 8), directions=2, supersample=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("city")


@pytest.fixture(scope="module")
def city(root):
    return CityDataset(size=TINY, root=root, seed=3, workers=1, progress=False, drives=True)


@pytest.mark.parametrize(("seed", "size"), [(0, "small"), (1, "bench")])
def test_the_second_drive_is_the_first_in_other_weather_faster_and_with_a_detour(seed, size):
    photos = drives_of(seed, SIZES[size])
    sides = [[photo for photo in photos if photo.query is asked] for asked in (False, True)]
    assert [len({photo.visit for photo in side}) for side in sides] == [1, 1]
    assert sides[0][0].visit != sides[1][0].visit
    true = [np.array([photo.camera.position[:2] for photo in side]) for side in sides]
    pace = [np.median(np.linalg.norm(np.diff(xy, axis=0), axis=1)) for xy in true]
    assert pace[0] == pytest.approx(4, abs=0.3)
    assert 1.3 < pace[1] / pace[0] < 1.9
    nearest = np.linalg.norm(true[1][:, None] - true[0], axis=2).min(axis=1)
    away = nearest > 25
    detour = np.flatnonzero(away)
    assert 0.05 < away.mean() < 0.35
    assert (np.diff(detour) == 1).all(), "one detour, from one image to the next"
    assert (nearest[: detour[0] - 6] < 5).all()
    assert (nearest[detour[-1] + 7 :] < 5).all()


def test_the_first_drive_closes_a_loop():
    xy = np.array([photo.camera.position[:2] for photo in drives_of(0, SIZES["small"]) if not photo.query])
    gap = np.linalg.norm(xy[:, None] - xy, axis=2)
    later = np.tril(np.ones_like(gap, dtype=bool), -40)
    again = np.flatnonzero(((gap < 5) & later).any(axis=1))
    assert len(again) > 5
    assert (again > len(xy) - 40).all(), "only at its end, where it began"


def test_photographs_keep_their_numbers():
    photos, companions, drives = lay_out(0, TINY), companions_of(0, TINY), drives_of(0, TINY)
    everything = [*photos, *companions, *drives]
    assert [photo.index for photo in everything] == list(range(len(everything)))
    assert all(photo_at(0, TINY, photo.index) == photo for photo in (photos[3], companions[2], drives[0], drives[-1]))
    assert len({photo.name for photo in everything}) == len(everything)


def test_the_split_says_which_images_are_one_drive(city):
    split = city.split("drives")
    assert city.split_names == ("train", "val", "test", "drives")
    assert split.database.drive.tolist() == [0] * len(split.database)
    assert split.queries.drive.tolist() == [1] * len(split.queries)
    assert list(split.database.names) == sorted(split.database.names)
    assert split.queries.names[1] == "drives/queries/0001_0000500ms.jpg"
    assert all(images.path(0).is_file() for images in (split.database, split.queries))
    without = [query for query, row in enumerate(split.positives()) if not len(row)]
    assert 0 < len(without) < len(split.queries) / 3
    assert split.protocol.label == "city-drives@25m-answerable"


def test_drives_change_nothing_of_a_city_without_them(city, root):
    plain = CityDataset(size=TINY, root=root, seed=3, workers=1, progress=False)
    elsewhere = CityDataset(size=TINY, root=root / "other", seed=3, workers=1, progress=False)
    assert plain.fingerprint() == elsewhere.fingerprint() != city.fingerprint()
    assert plain.split_names == ("train", "val", "test")
    with pytest.raises(ValueError, match="drives=True"):
        plain.split("drives")
    again = CityDataset(size=TINY, root=root, seed=3, workers=1, progress=False, drives=True)
    assert again.fingerprint() == city.fingerprint()


def test_a_run_file_from_before_is_the_same_run():
    pytest.importorskip("vpr_core")
    from vpr_core.config import config_hash, parse_run
    from vpr_core.registry import build_registry

    registry = build_registry()
    text = "dataset: {{type: city, size: small{}}}\nbackbone: {{type: tiny}}\npooling: {{type: gem}}"
    hashes = [config_hash(parse_run(text.format(more), registry)) for more in ("", ", drives: false", ", drives: true")]
    assert hashes[0] == hashes[1] != hashes[2]
