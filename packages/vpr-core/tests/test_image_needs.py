"""Sizes that a backbone takes, said before a run."""

from __future__ import annotations

import json

import pytest

from vpr_core import ConfigError, ImageNeeds, build_registry
from vpr_core.config import parse_run


@pytest.mark.parametrize(
    ("needs", "size", "said"),
    [
        (ImageNeeds(), (1, 7), ""),
        (ImageNeeds(multiple=14), (28, 42), ""),
        (ImageNeeds(multiple=14), (480, 640), "multiples of 14; such as [476, 644]"),
        (ImageNeeds(multiple=16), (5, 40), "multiples of 16; such as [16, 32]"),
        (ImageNeeds(multiple=14, patches=65), (112, 126), ""),
        (ImageNeeds(multiple=14, patches=65), (98, 98), "49 patches of 14 x 14 pixels, and at least 65 are needed"),
        (ImageNeeds(multiple=14, patches=65), (14, 896), "64 patches of 14 x 14"),
        (ImageNeeds(multiple=14, square=True), (224, 224), ""),
        (ImageNeeds(multiple=14, square=True), (224, 308), "square images only; such as [308, 308]"),
        (ImageNeeds(only=(320, 320)), (320, 320), ""),
        (ImageNeeds(only=(320, 320)), (320, 240), "takes [320, 320] only"),
    ],
)
def test_what_is_said_of_a_size(needs: ImageNeeds, size: tuple[int, int], said: str) -> None:
    found = needs.fault(*size)
    assert bool(found) == bool(said)
    assert said in found


def test_what_is_suggested_is_taken() -> None:
    needs = ImageNeeds(multiple=14, patches=65)
    for size in [(1, 1), (98, 98), (100, 99), (322, 480), (7, 1000)]:
        found = needs.fault(*size)
        while found:
            size = tuple(json.loads("[" + found.rpartition("[")[2]))
            found = needs.fault(*size)
        assert size[0] % 14 == size[1] % 14 == 0


def test_a_departure_is_said_of_fields_that_are_there() -> None:
    needs = ImageNeeds(recommended={"size": [384, 384], "interpolation": "bicubic"})
    assert needs.departure({"size": (384, 384)}) == ""
    assert needs.departure({"size": (384, 384), "interpolation": "bicubic", "augment": {}}) == ""
    said = needs.departure({"size": (224, 224), "interpolation": "bicubic"})
    assert "image: {size: [224, 224]} departs" in said
    assert "image: {size: [384, 384], interpolation: bicubic}" in said
    assert "size: null" in needs.departure({"size": None})
    assert ImageNeeds().departure({"size": (1, 1)}) == ""


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (ImageNeeds(), ""),
        (ImageNeeds(only=(320, 320)), "320 x 320 pixels only"),
        (ImageNeeds(multiple=14, square=True), "square, sides in multiples of 14"),
        (ImageNeeds(patch=14, patches=65), "at least 65 patches of 14 x 14 pixels"),
    ],
)
def test_which_images_are_taken_in_a_few_words(needs: ImageNeeds, said: str) -> None:
    assert needs.said == said


RUN = {"dataset": {"type": "city"}, "pooling": {"type": "gem"}}


@pytest.mark.parametrize(
    ("model", "size", "accepted"),
    [
        ("vit_small_patch14_dinov2.lvd142m", [480, 640], False),
        ("vit_small_patch14_dinov2.lvd142m", [476, 644], True),
        ("vit_base_patch16_224", [224, 230], False),
        ("resnet18", [33, 47], True),
    ],
)
def test_a_run_file_is_refused_where_the_size_stands(model: str, size: list[int], accepted: bool) -> None:
    registry = build_registry()
    run = {**RUN, "backbone": {"type": "timm", "model": model}, "image": {"size": size}}
    if accepted:
        assert parse_run(json.dumps(run), registry).image.size == tuple(size)
        return
    with pytest.raises(
        ConfigError, match=r"image\.size: got .* takes multiples of 1[46]; such as \[\d+, \d+\]"
    ) as caught:
        parse_run(json.dumps(run), registry)
    assert [fault.path for fault in caught.value.faults] == ["image.size"]
