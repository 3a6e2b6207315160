"""An exported file says how images are brought to their size, whatever the rule."""

from __future__ import annotations

import json

import pytest

from vpr_core.runtimes import InputContract
from vpr_runner.exporting.description import Description

INPUTS = InputContract(dtype="uint8", out_dim=64, multiple_of=14, least=(14, 14))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"size": (322, 322)}, {"size": [322, 322], "longest": None}),
        ({"longest": 1024}, {"size": None, "longest": 1024}),
        (
            {"sizing": {"short_side": 480, "multiple": 14, "interpolation": "bicubic"}},
            {"size": None, "longest": None, "short_side": 480, "multiple": 14},
        ),
        ({"sizing": {"max_side": 640}}, {"size": None, "longest": None, "max_side": 640}),
    ],
)
def test_what_is_written_is_read_back(fields: dict[str, object], said: dict[str, object]) -> None:
    description = Description(fingerprint="f", precision="float32", inputs=INPUTS, **fields)  # type: ignore[arg-type]
    content = json.loads(json.dumps(description.to_json()))
    resize = dict(content["input"]["resize"])
    text = resize.pop("interpolation")
    assert resize == said
    sizing = dict(fields.get("sizing", {}))  # type: ignore[call-overload]
    assert text.startswith(f"{sizing.get('interpolation', 'bilinear')}, antialiased")
    assert text.endswith("aspect ratio kept" if {"short_side", "max_side"} & set(sizing) else "aspect ratio not kept")
    assert Description.from_json(content) == description


def test_a_rule_that_is_no_number_is_refused() -> None:
    content = Description(fingerprint="f", precision="float32", inputs=INPUTS).to_json()
    content["input"]["resize"]["short_side"] = "480; rm"
    with pytest.raises(ValueError, match=r"input\.resize\.short_side is '480; rm', not a whole number"):
        Description.from_json(content)
