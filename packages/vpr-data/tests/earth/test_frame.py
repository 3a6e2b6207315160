from __future__ import annotations

import json
import math

import numpy as np
import pytest

from vpr_data import Frame, ImageSet, coordinates
from vpr_data.earth.geo import earth_centred, geodetic, local_metres, local_to_points
from vpr_data.earth.utm import band_of, degrees_to_utm, utm_to_degrees

PLACES = [(48.2, 16.37), (-33.45, -70.65), (0.0, 0.0), (-77.85, 166.67), (78.22, 15.65), (12.0, 179.999)]


@pytest.mark.parametrize(("latitude", "longitude"), PLACES)
@pytest.mark.parametrize("spread", [1e-5, 1e-2, 1.0, 40.0])
def test_a_local_frame_comes_back_to_the_last_digit(latitude, longitude, spread):
    draw = np.random.default_rng(0).uniform(-spread, spread, (50, 2))
    degrees = np.array([latitude, longitude]) + draw
    degrees[:, 0] = np.clip(degrees[:, 0], -89.9, 89.9)
    degrees[:, 1] = (degrees[:, 1] + 180) % 360 - 180
    frame = Frame.local(latitude=latitude, longitude=longitude)
    back = frame.to_degrees(frame.to_metres(degrees))
    # A ten-millionth of a degree is a centimetre; where meridians meet, longitude is told by its length on the ground.
    assert np.abs(back[:, 0] - degrees[:, 0]).max() < 1e-9
    turn = (back[:, 1] - degrees[:, 1] + 180) % 360 - 180
    assert np.abs(turn * np.cos(np.radians(degrees[:, 0]))).max() < 1e-9


def test_local_metres_of_a_point_are_those_of_the_forward_projection():
    """The inverse stands on the forward one alone: what it returns projects to what it was given, far away too."""
    centre = earth_centred(np.array([-41.3]), np.array([174.8]))[0]
    local = np.random.default_rng(1).uniform(-6e6, 6e6, (200, 2))
    points = local_to_points(local, centre=centre)
    np.testing.assert_allclose(local_metres(points, centre=centre), local, atol=1e-6)
    again = earth_centred(*geodetic(points))
    np.testing.assert_allclose(again, points, atol=1e-6)  # on the ellipsoid
    with pytest.raises(ValueError, match="past half the earth"):
        local_to_points(np.array([[3e7, 0.0]]), centre=centre)


@pytest.mark.parametrize(("latitude", "longitude"), PLACES)
def test_utm_forwards_is_the_inverse_of_the_series_backwards(latitude, longitude):
    zone = int((longitude + 180) // 6) + 1
    degrees = np.array([latitude, longitude]) + np.random.default_rng(2).uniform(-0.5, 0.5, (40, 2))
    x, y = degrees_to_utm(degrees[:, 0], degrees[:, 1], zone=zone, north=latitude >= 0)
    lat, lon = utm_to_degrees(x, y, zone=zone, north=latitude >= 0)
    assert np.abs(lat - degrees[:, 0]).max() < 1e-9
    assert np.abs((lon - degrees[:, 1] + 180) % 360 - 180).max() < 1e-9


def test_utm_of_points_that_others_publish():
    """CN Tower (zone 17T) as Wikipedia's article on UTM gives it, and the middle of a zone on the equator."""
    x, y = degrees_to_utm(
        np.array([43 + 38 / 60 + 33.24 / 3600]), np.array([-(79 + 23 / 60 + 13.7 / 3600)]), zone=17, north=True
    )
    assert abs(x[0] - 630_084) < 1
    assert abs(y[0] - 4_833_438) < 1
    x, y = degrees_to_utm(np.array([0.0]), np.array([3.0]), zone=31, north=False)
    assert (x[0], y[0]) == (500_000.0, 10_000_000.0)


def test_bands():
    assert [band_of(latitude) for latitude in (-80, -33.9, -0.1, 0, 39.9, 40.4, 83.9, 85)] == [*"CHMNSTX", ""]


@pytest.mark.parametrize(
    "frame", [Frame.utm(56, north=False), Frame.utm(1, north=True), Frame.local(latitude=-33.45, longitude=-70.65)]
)
def test_a_frame_survives_json(frame):
    assert Frame.from_json(json.loads(json.dumps(frame.to_json()))) == frame


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "utm", "zone": 61, "hemisphere": "north"},
        {"kind": "utm", "zone": 6, "hemisphere": "S"},
        {"kind": "local", "latitude": 95, "longitude": 0},
        {"kind": "local", "latitude": math.nan, "longitude": 0},
        {"kind": "local", "latitude": None, "longitude": 0},
        {"kind": "sphere"},
    ],
)
def test_what_is_no_frame(data):
    with pytest.raises(ValueError, match=r"frame|zone"):
        Frame.from_json(data)


def test_a_frame_takes_pairs_only():
    with pytest.raises(ValueError, match=r"xy must have shape \(N, 2\), got \(3,\)"):
        Frame.utm(3, north=True).to_degrees(np.zeros(3))
    assert np.isnan(Frame.local(latitude=1, longitude=2).to_degrees([[np.nan, np.nan]])).all()


def test_coordinates_are_what_was_given_or_follow_from_the_frame(tmp_path):
    given = np.array([[48.2000001, 16.3700007], [48.2000002, 16.3700008]])
    frame = Frame.local(latitude=48.2, longitude=16.37)
    xy = frame.to_metres(given)
    images = ImageSet(root=tmp_path, names=["a", "b"], xy=xy, degrees=given, frame=frame)
    assert coordinates(images).tolist() == given.tolist()
    assert coordinates(images.select([1])).tolist() == given[1:].tolist()
    from_frame = coordinates(ImageSet(root=tmp_path, names=["a", "b"], xy=xy, frame=frame))
    assert from_frame.round(7).tolist() == given.tolist()
    assert coordinates(ImageSet(root=tmp_path, names=["a", "b"], xy=xy)) is None
    assert coordinates(object()) is None


def test_an_image_without_a_position_is_nan_and_is_remembered(tmp_path):
    given = np.array([[48.2, 16.37], [0.0, 0.0]])
    images = ImageSet(root=tmp_path, names=["a", "b"], xy=given, degrees=given, located=np.array([True, False]))
    assert np.isnan(images.xy[1]).all()
    assert np.isnan(coordinates(images)[1]).all()
    assert coordinates(images)[0].tolist() == [48.2, 16.37]
    assert given[1].tolist() == [0, 0]  # the caller's array is the caller's
    assert images.select([0]).located is None
    with pytest.raises(ValueError, match=r"located must be bool of shape \(2,\), .* got int64 \(2,\)"):
        ImageSet(root=tmp_path, names=["a", "b"], xy=given, located=np.array([1, 0]))
    with pytest.raises(ValueError, match="xy of image 'a'"):
        ImageSet(root=tmp_path, names=["a", "b"], xy=given * np.nan, located=np.array([True, False]))
