"""The renderer against pinhole geometry restated here, ray by ray, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vpr_data.city.camera import Camera
from vpr_data.city.dress import dress_district
from vpr_data.city.facades import roof_line
from vpr_data.city.plan import plan_district
from vpr_data.city.raycast import cast
from vpr_data.city.render import trace
from vpr_data.city.scene import make_scene
from vpr_data.city.visits import visits_of


def _camera(**changes):
    fields = {
        "position": (3.0, -2.0, 2.4),
        "heading": 37.0,
        "pitch": 6.0,
        "roll": 1.5,
        "height": 61,
        "width": 83,
        "focal": 50.0,
    }
    return Camera(**{**fields, **changes})


def _project_by_rotations(camera, point):
    """Rotate the world about z by the heading, about x by the pitch, about the axis by the roll; then divide."""
    x, y, z = (float(p) - float(c) for p, c in zip(point, camera.position, strict=True))
    h, p, r = (math.radians(a) for a in (camera.heading, camera.pitch, camera.roll))
    right, ahead, up = x * math.cos(h) - y * math.sin(h), x * math.sin(h) + y * math.cos(h), z
    ahead, up = ahead * math.cos(p) + up * math.sin(p), up * math.cos(p) - ahead * math.sin(p)
    right, up = right * math.cos(r) - up * math.sin(r), up * math.cos(r) + right * math.sin(r)
    return camera.width / 2 + camera.focal * right / ahead, camera.height / 2 - camera.focal * up / ahead, ahead


@pytest.mark.parametrize("heading", [0.0, 37.0, 181.0, 299.5])
@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (9.0, 2.0), (-14.0, -5.0)])
def test_projection_is_the_pinhole_model(heading, pitch, roll):
    camera = _camera(heading=heading, pitch=pitch, roll=roll)
    points = np.random.default_rng(0).uniform(-30, 30, (50, 3))
    projected = camera.project(points)
    for point, got in zip(points, projected, strict=True):
        np.testing.assert_allclose(got, _project_by_rotations(camera, point), rtol=1e-9, atol=1e-9)


def test_ray_of_a_pixel_projects_to_its_centre():
    camera = _camera()
    rays = camera.rays().astype(np.float64)
    seen = camera.project(rays * 7.0 + np.asarray(camera.position))
    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    np.testing.assert_allclose(seen[:, 0], columns.ravel(), atol=2e-4)
    np.testing.assert_allclose(seen[:, 1], rows.ravel(), atol=2e-4)
    np.testing.assert_allclose(seen[:, 2], 7.0, atol=1e-5)


def test_a_wall_is_where_the_pinhole_model_says():
    camera = _camera(heading=10.0)
    start, end, height = np.array([[20.0, 14.0]]), np.array([[-12.0, 18.0]]), 6.5
    hits = cast(
        start.astype(np.float32),
        end.astype(np.float32),
        lambda wall, along: np.full(wall.shape, height, dtype=np.float32),
        origin=camera.position,
        heading=camera.heading,
        rays=camera.rays(),
        steps=4 * camera.width,
        reach=100.0,
    )
    # The camera stands on the left of start -> end, which shows nothing there.
    assert (hits.wall == -1).all()
    hits = cast(
        end.astype(np.float32),
        start.astype(np.float32),
        lambda wall, along: np.full(wall.shape, height, dtype=np.float32),
        origin=camera.position,
        heading=camera.heading,
        rays=camera.rays(),
        steps=4 * camera.width,
        reach=100.0,
    )
    found = hits.wall.reshape(camera.height, camera.width) == 0
    tried = 0
    for share in np.linspace(0.03, 0.97, 25):
        for z in (0.4, 2.0, 4.0, 6.0, 7.2, 9.0):
            point = [*(end + (start - end) * share)[0], z]
            column, row, depth = _project_by_rotations(camera, point)
            i, j = math.floor(row), math.floor(column)
            if not (1 <= i < camera.height - 1 and 1 <= j < camera.width - 1):
                continue
            tried += 1
            assert found[i, j] == (z < height), (share, z)
            if z < height:
                pixel = i * camera.width + j
                assert hits.depth[pixel] == pytest.approx(depth, rel=0.03)
                length = float(np.linalg.norm(start - end))
                assert hits.along[pixel] == pytest.approx(share * length, abs=0.6)
    assert tried > 40


def test_city_depth_equals_brute_force_over_all_walls():
    district = plan_district(5, 0, street_length=300.0)
    scene, visit = make_scene(district, salt=5, area=0), visits_of(5)[0]
    dress = dress_district(district, visit, salt=5)
    road = int(np.flatnonzero(district.roads.walked)[0])
    middle = (district.roads.start[road] + district.roads.end[road]) / 2
    camera = _camera(position=(float(middle[0]), float(middle[1]), 2.4), height=24, width=32, focal=19.0)
    rays = camera.rays()
    surfaces = trace(scene, dress, camera, rays)
    walls, buildings, eye = district.walls, district.buildings, np.asarray(camera.position)
    wrong = compared = 0
    for pixel in range(0, len(rays), 5):
        if surfaces.on_car[pixel]:
            continue
        ray = rays[pixel].astype(np.float64)
        nearest = -eye[2] / ray[2] if ray[2] < -1e-4 else math.inf
        for s in range(len(walls)):
            a, e = walls.start[s].astype(float) - eye[:2], walls.end[s].astype(float) - walls.start[s].astype(float)
            cross = ray[0] * e[1] - ray[1] * e[0]
            if cross >= 0:
                continue
            depth = (a[0] * e[1] - a[1] * e[0]) / cross
            share = (a[0] * ray[1] - a[1] * ray[0]) / cross
            if not (0 < depth < nearest and 0 <= share <= 1 and depth * math.hypot(ray[0], ray[1]) < 260):
                continue
            along = np.array([share * math.hypot(*e)], dtype=np.float32)
            one = np.array([s])
            top = float(roof_line(buildings, walls.building[one], walls.kind[one], along, walls.span[one])[0])
            if eye[2] + depth * ray[2] <= top:
                nearest = depth
        nearest = nearest if nearest < 1500 else math.inf
        compared += 1
        got = float(surfaces.depth[pixel])
        same = got == nearest or math.isclose(got, nearest, rel_tol=2e-3)
        wrong += not same
    # The fan's step may move a silhouette by a pixel; inside surfaces every depth is exact.
    assert compared > 80
    assert wrong <= 0.08 * compared
