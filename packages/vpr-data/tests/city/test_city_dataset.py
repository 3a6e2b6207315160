"""The city as a data set: sizes, areas, positives, visits, determinism and the cache on disk."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from vpr_data.city import SIZES, CityDataset, CitySize, contact_sheet, save_sheet
from vpr_data.city.layout import DATABASE_VISITS, QUERY_VISITS, area_of, lay_out
from vpr_data.city.photographs import photograph
from vpr_data.city.sizes import SPLITS
from vpr_data.city.store import cache_root

TINY = CitySize(name="tiny", height=24, width=32, stations=(3, 2, 3), queries=(4, 2, 8), directions=2, supersample=1)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return CityDataset(size=TINY, root=tmp_path_factory.mktemp("city"), seed=3, workers=1, progress=False)


@pytest.mark.parametrize(("name", "images"), [("small", 214), ("bench", 2840), ("large", 16700)])
def test_documented_sizes(name, images):
    assert SIZES[name].images == images
    assert f"{images:,}" in (CityDataset.__doc__ or "")


@pytest.mark.parametrize("seed", [0, 1])
def test_bench_layout_has_the_promised_counts(seed):
    size = SIZES["bench"]
    photos = lay_out(seed, size)
    assert len(photos) == size.images
    assert len({photo.name for photo in photos}) == len(photos)
    for area, _ in enumerate(SPLITS):
        assert sum(p.area == area and p.query for p in photos) == size.queries[area]
        assert sum(p.area == area and not p.query for p in photos) == size.stations[area] * size.directions


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("size", ["small", "bench"])
def test_areas_do_not_overlap_on_the_ground(seed, size):
    boxes = []
    photos = lay_out(seed, SIZES[size])
    for area in range(len(SPLITS)):
        xy = np.array([photo.xy for photo in photos if photo.area == area])
        boxes.append(xy)
        walls = area_of(seed, area, SIZES[size]).footprints
        assert np.isfinite(walls).all()
    for a in range(3):
        for b in range(a):
            gaps = np.linalg.norm(boxes[a][:, None] - boxes[b][None], axis=2)
            assert gaps.min() > 200, "views of one area reach no wall of another"


@pytest.mark.parametrize("seed", range(2))
def test_every_query_has_positives_from_another_time_within_the_training_radius(seed):
    photos = lay_out(seed, SIZES["bench"])
    for area in range(len(SPLITS)):
        database = [p for p in photos if p.area == area and not p.query]
        xy, time = np.array([p.xy for p in database]), np.array([p.time for p in database])
        for query in (p for p in photos if p.area == area and p.query):
            near = np.linalg.norm(xy - np.array(query.xy), axis=1) <= 10
            assert (near & (time != query.time)).sum() >= 1, query.name


def test_queries_and_database_come_from_different_visits():
    assert not set(DATABASE_VISITS) & set(QUERY_VISITS)
    photos = lay_out(0, SIZES["bench"])
    assert {p.visit for p in photos if p.query} == set(QUERY_VISITS)
    assert {p.visit for p in photos if not p.query} == set(DATABASE_VISITS)


def test_images_of_a_panorama_share_their_position_and_face_different_ways():
    photos = [p for p in lay_out(0, SIZES["small"]) if not p.query and p.area == 0 and p.station == 0]
    assert len(photos) == SIZES["small"].directions
    assert len({p.xy for p in photos}) == 1
    headings = sorted(p.camera.heading for p in photos)
    assert np.diff(headings).min() > 60


def test_split_speaks_the_common_language(city):
    for name in city.split_names:
        split = city.split(name)
        area = SPLITS.index(name)
        assert len(split.queries) == TINY.queries[area]
        assert len(split.database) == TINY.stations[area] * TINY.directions
        assert split.database.xy.dtype == np.float64
        assert (split.database.xy > 1e5).all()
        assert (split.database.xy < 1e7).all()
        assert all(len(row) for row in split.positives())
        assert split.protocol.radius == 25.0
        assert all(split.database.path(i).is_file() for i in range(len(split.database)))
    with pytest.raises(ValueError, match="train, val, test"):
        city.split("holdout")


def test_places_match_across_visits(city):
    split = city.split("test")
    for query in range(len(split.queries)):
        same = np.flatnonzero(split.database.place == split.queries.place[query])
        assert len(same) == 1
        away = np.linalg.norm(split.database.xy[same[0]] - split.queries.xy[query])
        assert away <= 10


def test_an_image_is_a_pure_function_of_seed_size_and_index():
    first = photograph(3, TINY, 5)
    photograph(3, TINY, 11)
    assert photograph(3, TINY, 5) == first
    assert photograph(4, TINY, 5) != first


def test_same_bytes_from_several_processes(tmp_path, city):
    # Enough images for two workers; they are other interpreters, so caches and order differ.
    size = CitySize(
        name="pair", height=16, width=24, stations=(4, 3, 4), queries=(6, 4, 6), directions=2, supersample=1
    )
    one = CityDataset(size=size, root=tmp_path / "one", seed=1, workers=1, progress=False)
    two = CityDataset(size=size, root=tmp_path / "two", seed=1, workers=2, progress=False)
    assert one.fingerprint() == two.fingerprint()
    assert one.fingerprint() != city.fingerprint()
    names = sorted(p.relative_to(one.folder) for p in one.folder.rglob("*.jpg"))
    assert len(names) == size.images
    for name in names:
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()


def test_a_script_without_a_main_guard_may_render_in_parallel(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        from vpr_data.city import CityDataset, CitySize
        size = CitySize(name="pair", height=16, width=24, stations=(4, 3, 4), queries=(6, 4, 6), directions=2,
                        supersample=1)
        print(CityDataset(size=size, root={str(tmp_path / "cache")!r}, workers=2, progress=False).fingerprint())
        """)
    )
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=True)
    assert len(result.stdout.splitlines()) == 1


def test_two_processes_may_render_the_same_city(tmp_path, city):
    script = (
        "import sys; from vpr_data.city import CityDataset, CitySize;"
        "print(CityDataset(size=CitySize.from_json(sys.argv[1]), root=sys.argv[2], seed=3, workers=1,"
        " progress=False).fingerprint())"
    )
    command = [sys.executable, "-c", script, json.dumps(asdict(TINY)), str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=300)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers == [city.fingerprint()] * 2
    assert not list(tmp_path.rglob("*.tmp"))


def test_an_interrupted_render_resumes(tmp_path, city):
    again = CityDataset(size=TINY, root=tmp_path, seed=3, workers=1, progress=False)
    assert again.fingerprint() == city.fingerprint()
    manifest, kept = again.folder / "manifest.json", again.folder / "test/queries"
    whole = sorted(kept.iterdir())
    manifest.unlink()
    whole[0].unlink()
    whole[1].write_bytes(b"")  # as after a loss of power
    untouched = whole[2].stat().st_mtime_ns
    resumed = CityDataset(size=TINY, root=tmp_path, seed=3, workers=1, progress=False)
    assert resumed.fingerprint() == city.fingerprint()
    assert whole[2].stat().st_mtime_ns == untouched
    assert not list(again.folder.rglob("*.tmp"))


def test_an_image_that_changes_after_rendering_changes_the_fingerprint(tmp_path, city):
    other = CityDataset(size=TINY, root=tmp_path, seed=3, workers=1, progress=False)
    image = next((other.folder / "train/database").iterdir())
    content = image.read_bytes()
    image.write_bytes(content + b"x")
    assert other.fingerprint() != city.fingerprint()
    image.write_bytes(content)
    assert other.fingerprint() == city.fingerprint()


def test_no_manifest_and_no_partial_file_when_rendering_fails(tmp_path, monkeypatch):
    from vpr_data.city import worker

    real, done = worker.photograph, []

    def failing(seed, size, index):
        if len(done) == 3:
            raise RuntimeError("disk full")
        done.append(index)
        return real(seed, size, index)

    monkeypatch.setattr(worker, "photograph", failing)
    with pytest.raises(RuntimeError, match="disk full"):
        CityDataset(size=TINY, root=tmp_path, seed=3, workers=1, progress=False)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        with Image.open(path) as image:
            assert image.size == (TINY.width, TINY.height)
            image.load()


def test_a_complete_city_is_not_rendered_again(city, monkeypatch):
    from vpr_data.city import store

    monkeypatch.setattr(store, "_render", lambda *a: pytest.fail("rendered again"))
    root = city.folder.parents[1]
    assert CityDataset(size=TINY, root=root, seed=3, progress=False).fingerprint() == city.fingerprint()


def test_visits_differ_more_than_the_camera_does(city):
    from vpr_data.city.dress import dress_district
    from vpr_data.city.render import Shot, render
    from vpr_data.city.scene import make_scene
    from vpr_data.city.visits import visits_of

    district = area_of(3, 0, TINY)
    scene = make_scene(district, salt=3, area=0)
    camera = lay_out(3, TINY)[0].camera
    pictures = []
    for visit in visits_of(3):
        dress = dress_district(district, visit, salt=3)
        pictures.append(render(scene, dress, Shot(camera=camera, key=(1,))).astype(float))
        again = render(scene, dress, Shot(camera=camera, key=(1,))).astype(float)
        assert (again == pictures[-1]).all()
    for a in range(len(pictures)):
        for b in range(a):
            assert np.abs(pictures[a] - pictures[b]).mean() > 6, (a, b)


def test_images_are_jpeg_of_the_stated_size(city):
    with Image.open(city.split("val").queries.path(0)) as image:
        assert image.format == "JPEG"
        assert image.size == (TINY.width, TINY.height)


def test_manifest_and_table_describe_the_city(city):
    manifest = json.loads((city.folder / "manifest.json").read_text())
    assert manifest["images"] == TINY.images
    assert CitySize.from_json(json.dumps(manifest["size"])) == TINY
    header, *rows = (city.folder / "images.csv").read_text().splitlines()
    assert header.startswith("name,x,y,time,place,split,role")
    assert len(rows) == TINY.images


def test_cache_root(monkeypatch, tmp_path):
    monkeypatch.setenv("VPR_CACHE", str(tmp_path / "here"))
    assert cache_root() == tmp_path / "here"
    assert cache_root(tmp_path / "there") == tmp_path / "there"
    monkeypatch.delenv("VPR_CACHE")
    assert cache_root().name == "vpr"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": "huge"}, "size must be one of small, bench, large"),
        ({"size": TINY, "workers": 0}, "workers must be at least 1, got 0"),
        ({"size": TINY, "seed": -1}, "seed must lie in"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        CityDataset(root=tmp_path, progress=False, **arguments)


@pytest.mark.parametrize("field", [{"height": 4}, {"stations": (1, 0, 1)}, {"name": "../x"}, {"directions": 0}])
def test_bad_sizes(field):
    base = {"name": "x", "height": 24, "width": 32, "stations": (1, 1, 1), "queries": (1, 1, 1)}
    with pytest.raises(ValueError, match=next(iter(field))):
        CitySize(**{**base, **field})


def test_contact_sheet(city, tmp_path):
    sheet = contact_sheet(city.split("test"), rows=2, positives=2, negatives=2, cell=64)
    assert sheet.size[0] == 5 * (64 + 6) + 6
    save_sheet(sheet, tmp_path / "sheet.png")
    with Image.open(io.BytesIO((tmp_path / "sheet.png").read_bytes())) as image:
        assert image.size == sheet.size


@pytest.mark.parametrize("seed", [0, 1])
def test_companions_share_visit_and_place_with_a_query_and_stand_close_by(seed):
    from vpr_data.city.companions import companions_of
    from vpr_data.city.numbering import photo_at

    size = SIZES["bench"]
    photos, companions = lay_out(seed, size), companions_of(seed, size)
    queries = [photo for photo in photos if photo.query and photo.area == 0]
    assert len(companions) == len(queries) == size.queries[0]
    assert [photo.index for photo in companions] == list(range(size.images, size.images + len(queries)))
    assert photo_at(seed, size, size.images + 3) == companions[3]
    assert photo_at(seed, size, 3) == photos[3]
    for query, companion in zip(queries, companions, strict=True):
        assert not companion.query
        assert (companion.area, companion.visit, companion.time, companion.place) == (
            query.area, query.visit, query.time, query.place,
        )  # fmt: skip
        assert np.linalg.norm(np.subtract(companion.xy, query.xy)) < 10
        assert companion.camera != query.camera


def test_companions_join_the_training_database_and_change_nothing_else(tmp_path):
    plain = CityDataset(size=TINY, root=tmp_path, seed=3, workers=1, progress=False)
    before = {path: path.read_bytes() for path in plain.folder.rglob("*") if path.is_file()}
    both = CityDataset(size=TINY, root=tmp_path, seed=3, same_visit=True, workers=1, progress=False)
    assert both.folder == plain.folder
    assert {path: path.read_bytes() for path in before} == before
    assert both.fingerprint() != plain.fingerprint()
    assert CityDataset(size=TINY, root=tmp_path, seed=3, progress=False).fingerprint() == plain.fingerprint()
    for name in SPLITS:
        one, two = plain.split(name), both.split(name)
        extra = TINY.queries[0] if name == "train" else 0
        assert two.database.names[: len(one.database)] == one.database.names
        assert len(two.database) == len(one.database) + extra
        assert two.queries.names == one.queries.names
        assert all(two.database.path(i).is_file() for i in range(len(two.database)))
    train = both.split("train")
    with_own, without = train.within(10.0), train.within(10.0, different_time=True)
    for query in range(len(train.queries)):
        mine = set(with_own[query].tolist()) - set(without[query].tolist())
        assert mine
        assert {int(train.database.time[i]) for i in mine} == {int(train.queries.time[query])}
    again = CityDataset(size=TINY, root=tmp_path, seed=3, same_visit=True, workers=1, progress=False)
    assert again.fingerprint() == both.fingerprint()


def test_a_companion_looks_more_like_its_query_than_another_visit_does(tmp_path):
    """Which is what makes the time rule matter: the easy positive is the one of the same visit."""
    size = CitySize(name="pair", height=48, width=64, stations=(6, 2, 2), queries=(12, 2, 2), supersample=1)
    train = CityDataset(size=size, root=tmp_path, seed=1, same_visit=True, workers=1, progress=False).split("train")

    def look(images, position):
        with Image.open(images.path(position)) as image:
            return np.asarray(image.convert("RGB").resize((16, 12), Image.Resampling.BOX), dtype=float)

    own, other = [], []
    for query in range(len(train.queries)):
        picture = look(train.queries, query)
        for position in train.within(10.0)[query].tolist():
            if train.database.place[position] == train.queries.place[query]:
                same = train.database.time[position] == train.queries.time[query]
                (own if same else other).append(np.abs(look(train.database, position) - picture).mean())
    assert np.mean(own) < 0.7 * np.mean(other)
