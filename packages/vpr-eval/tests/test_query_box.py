"""The cropped query."""

from __future__ import annotations

import math

import pytest

from vpr_eval import grow_query_box


@pytest.mark.parametrize(
    ("box", "field", "expected"),
    [
        ((200, 300, 400, 500), 196, (102, 202, 498, 598)),
        ((200, 300, 400, 500), 163, (118, 218, 482, 582)),
        ((200.5, 300.5, 400.5, 500.5), 0, (200, 300, 401, 501)),
        ((10, 20, 1020, 760), 196, (0, 0, 1024, 768)),
        ((-5, -5, 30, 30), 10, (0, 0, 35, 35)),
    ],
)
def test_grown_by_half_the_receptive_field_and_clipped(box, field, expected):
    assert grow_query_box(box, receptive_field=field, width=1024, height=768) == expected


@pytest.mark.parametrize(
    ("box", "field", "message"),
    [
        ((5, 5, 5, 9), 1, "box: .* must be finite, with left < right"),
        ((5, 5, math.nan, 9), 1, "box: .* must be finite"),
        ((2000, 5, 2010, 9), 1, "box: .* lies outside the image of 1024 x 768"),
        ((5, 5, 9, 9), -1, "receptive_field: must be finite and at least 0"),
    ],
)
def test_messages(box, field, message):
    with pytest.raises(ValueError, match=message):
        grow_query_box(box, receptive_field=field, width=1024, height=768)
