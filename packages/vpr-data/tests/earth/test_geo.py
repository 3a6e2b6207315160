from __future__ import annotations

import math

import numpy as np
import pytest

from vpr_data.earth.geo import A, F, check_degrees, earth_centred, local_metres
from vpr_data.earth.utm import utm_to_degrees

E2 = F * (2 - F)


def ground(lat_1, lon_1, lat_2, lon_2):
    """Metres between two near points, along the meridian's and the parallel's radii of curvature at their middle."""
    phi = math.radians((lat_1 + lat_2) / 2)
    across = A / math.sqrt(1 - E2 * math.sin(phi) ** 2)
    along = A * (1 - E2) / (1 - E2 * math.sin(phi) ** 2) ** 1.5
    east = math.radians((lon_2 - lon_1 + 180) % 360 - 180) * across * math.cos(phi)
    return math.hypot(east, math.radians(lat_2 - lat_1) * along)


def utm_forward(latitude, longitude, zone):
    """Krueger's series to fourth order, forwards, point by point: the inverse of what is tested."""
    n = F / (2 - F)
    radius = A / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    alpha = [
        n / 2 - 2 * n**2 / 3 + 5 * n**3 / 16 + 41 * n**4 / 180,
        13 * n**2 / 48 - 3 * n**3 / 5 + 557 * n**4 / 1440,
        61 * n**3 / 240 - 103 * n**4 / 140,
        49561 * n**4 / 161280,
    ]
    phi, lam = math.radians(latitude), math.radians(longitude - (6 * zone - 183))
    e = math.sqrt(E2)
    t = math.sinh(math.atanh(math.sin(phi)) - e * math.atanh(e * math.sin(phi)))
    xi_0, eta_0 = math.atan2(t, math.cos(lam)), math.atanh(math.sin(lam) / math.hypot(1, t))
    xi = xi_0 + sum(a * math.sin(2 * j * xi_0) * math.cosh(2 * j * eta_0) for j, a in enumerate(alpha, 1))
    eta = eta_0 + sum(a * math.cos(2 * j * xi_0) * math.sinh(2 * j * eta_0) for j, a in enumerate(alpha, 1))
    return 500_000 + 0.9996 * radius * eta, 0.9996 * radius * xi + (0 if latitude >= 0 else 10_000_000)


def distance(one, other):
    points = earth_centred(np.array([one[0], other[0]]), np.array([one[1], other[1]]))
    return float(np.linalg.norm(points[0] - points[1]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((48.0, 5.99990), (48.0, 6.0001)),  # edge of UTM zones 31 and 32
        ((-17.0, 179.9999), (-17.0, -179.9999)),  # antimeridian
        ((0.00005, 30.0), (-0.00005, 30.0)),  # equator: northing jumps by 10,000 km
        ((84.1, 10.0), (84.1001, 10.001)),  # north of UTM
        ((40.44, -80.0), (40.4402, -80.0001)),
    ],
)
def test_distances_hold_across_every_edge(one, other):
    truth = ground(*one, *other)
    assert 5 < truth < 50
    assert abs(distance(one, other) - truth) < 1e-3


def test_the_axes_are_those_of_the_ellipsoid():
    points = earth_centred(np.array([0.0, 0.0, 90.0]), np.array([0.0, 90.0, 0.0]))
    polar = A * (1 - F)
    assert np.allclose(points, [[A, 0, 0], [0, A, 0], [0, 0, polar]], atol=1e-8)


def test_utm_comes_back_to_ten_micrometres():
    rng = np.random.default_rng(0)
    for _ in range(300):
        zone = int(rng.integers(1, 61))
        latitude, longitude = rng.uniform(-80, 84), 6 * zone - 183 + rng.uniform(-3.5, 3.5)
        easting, northing = utm_forward(latitude, longitude, zone)
        found = utm_to_degrees(
            np.array([easting]), np.array([northing]), zone=np.array([zone]), north=np.array([latitude >= 0])
        )
        assert distance((found[0][0], found[1][0]), (latitude, longitude)) < 1e-5
        assert -180 <= found[1][0] < 180


def test_utm_agrees_with_a_library_to_its_millimetre():
    utm = pytest.importorskip("utm")
    for latitude, longitude in [(40.44, -79.99), (35.66, 139.7), (-33.87, 151.2), (60.39, 5.32)]:
        easting, northing, zone, _ = utm.from_latlon(latitude, longitude)
        found = utm_to_degrees(
            np.array([easting]), np.array([northing]), zone=np.array([zone]), north=np.array([latitude >= 0])
        )
        assert distance((found[0][0], found[1][0]), (latitude, longitude)) < 0.01


@pytest.mark.parametrize("centre", [(40.44, -80.0), (0.0, 179.999), (-75.0, 10.0), (89.995, 0.0)])
def test_the_local_projection_keeps_distances(centre):
    rng = np.random.default_rng(1)
    latitude = np.clip(centre[0] + rng.uniform(-0.005, 0.005, 40), -90, 90)
    longitude = (centre[1] + rng.uniform(-0.005, 0.005, 40) + 180) % 360 - 180
    points = earth_centred(latitude, longitude)
    flat = local_metres(points, centre=earth_centred(*(np.array([value]) for value in centre))[0])
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    assert np.abs(np.linalg.norm(flat[:, None] - flat, axis=-1) - apart).max() < 1e-3


def test_the_local_projection_points_east_and_north_and_holds_far_away():
    centre = earth_centred(np.array([10.0]), np.array([20.0]))[0]
    points = earth_centred(np.array([10.0, 10.0, 10.001, 55.0]), np.array([20.0, 20.001, 20.0, 20.0]))
    flat = local_metres(points, centre=centre)
    assert flat[0].tolist() == [0, 0]
    assert flat[1][0] > 100
    assert abs(flat[1][1]) < 0.01
    assert abs(flat[2][0]) < 0.01
    assert flat[2][1] > 100
    assert abs(flat[3][1] / (math.radians(45) * 6_371_000) - 1) < 0.005


def name(row):
    return f"'img{row}.jpg'"


@pytest.mark.parametrize(
    ("latitude", "longitude", "message"),
    [
        ([1.0, np.nan], [1.0, 2.0], r"latitude of 'img1.jpg' is nan; it must be a number of degrees \(1 of 2 rows\)"),
        ([1.0, 2.0], [np.inf, 2.0], "longitude of 'img0.jpg' is inf"),
        (
            [1.0, 91.0],
            [1.0, 2.0],
            r"latitude of 'img1.jpg' is 91, out of range \(1 of 2 rows\); all longitudes are within",
        ),
        ([139.7, 139.8], [35.6, 35.7], "latitude and longitude look swapped"),
        ([91.0], [120.0], "latitude lies between -90 and 90"),
        ([10.0], [181.0], r"longitude of 'img0.jpg' is 181, out of range \(1 of 1 rows\); longitude lies between -180"),
        (
            [4476709.0],
            [584744.0],
            r"latitude of 'img0.jpg' is 4.47671e\+06.*; projected metres belong in columns x and y",
        ),
    ],
)
def test_what_is_no_position_on_earth_is_named(latitude, longitude, message):
    with pytest.raises(ValueError, match=message):
        check_degrees(np.array(latitude), np.array(longitude), name)
