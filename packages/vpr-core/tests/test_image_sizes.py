"""The block ``image``: one rule for the size, and runs that use none of what came later are what they were."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from vpr_core import ConfigError, ImageNeeds, Registry, build_registry
from vpr_core.config import config_hash, parse_run, to_yaml

LATER = ("short_side", "max_side", "multiple", "interpolation")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return build_registry()


def run(image: dict[str, Any], backbone: dict[str, Any] | None = None) -> str:
    blocks = {"dataset": {"type": "city"}, "backbone": backbone or {"type": "tiny"}, "pooling": {"type": "gem"}}
    return json.dumps({**blocks, "image": image})


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (
            {"size": [480, 640], "short_side": 480},
            "one rule says the size of images, got size and short_side; keep one",
        ),
        ({"max_side": 1024, "short_side": 480}, "got short_side and max_side"),
        ({"max_side": 1024, "longest": 800}, "got max_side and longest"),
        ({"size": [8, 640], "multiple": 14}, "smaller than multiple"),
        ({"short_side": 4}, "a number not less than 8"),
        ({"multiple": 0}, "a number not less than 1"),
        ({"interpolation": "nearest"}, "'bilinear' or 'bicubic'"),
    ],
)
def test_what_cannot_be_meant_is_refused(registry: Registry, image: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_run(run(image), registry)


@pytest.mark.parametrize(
    "image",
    [
        {"short_side": 480},
        {"max_side": 1024, "longest": None},
        {"size": [480, 640], "longest": 800},
        {"longest": 800, "multiple": 14, "interpolation": "bicubic"},
    ],
)
def test_a_dump_is_read_back(registry: Registry, image: dict[str, Any]) -> None:
    config = parse_run(run(image), registry)
    assert parse_run(to_yaml(config), registry) == config


def test_the_hash_of_a_run_that_uses_none_of_it_is_that_of_before(registry: Registry) -> None:
    for image in ({}, {"size": [480, 640]}, {"longest": None}):
        config = parse_run(run(image), registry)
        data = config.model_dump(mode="json", exclude={"engine", "loggers", "sequence", "rerank"})
        del data["compute"]["runtime"]
        data["dataset"].pop("drives", None)  # of the city, later too
        for name in LATER:
            del data["image"][name]
        text = json.dumps(_without_later_evaluation(data), sort_keys=True, separators=(",", ":"))
        assert config_hash(config) == hashlib.sha256(text.encode()).hexdigest()
    changed = [{"short_side": 480}, {"max_side": 480}, {"multiple": 2}, {"interpolation": "bicubic"}, {}]
    assert len({config_hash(parse_run(run(image), registry)) for image in changed}) == len(changed)


def _without_later_evaluation(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "eval": {name: data["eval"][name] for name in ("split", "recall_at", "bootstrap")}}


def test_what_is_in_force_is_the_rule_and_what_says_something(registry: Registry) -> None:
    def in_force(image: dict[str, Any]) -> dict[str, Any]:
        return parse_run(run(image), registry).image.in_force()

    assert in_force({}) == {"size": None, "longest": 1024}
    assert in_force({"longest": None}) == {"size": None}
    assert in_force({"size": [480, 640], "augment": {"flip": True}}) == {"size": [480, 640]}
    assert in_force({"short_side": 480, "multiple": 14}) == {"size": None, "short_side": 480, "multiple": 14}
    assert in_force({"size": [64, 64], "interpolation": "bicubic"}) == {"size": [64, 64], "interpolation": "bicubic"}


def test_a_size_is_judged_as_it_is_cut(registry: Registry) -> None:
    vit = {"type": "timm", "model": "vit_small_patch14_dinov2.lvd142m"}
    assert parse_run(run({"size": [480, 640], "multiple": 14}, vit), registry).image.fixed == (476, 630)
    with pytest.raises(ConfigError, match=r"image\.size: cut to multiples of 16: got \[480, 640\], .* multiples of 14"):
        parse_run(run({"size": [480, 640], "multiple": 16}, vit), registry)
    assert parse_run(run({"short_side": 480, "multiple": 28}, vit), registry).image.fixed is None
    with pytest.raises(ConfigError, match=r"image\.multiple: got 16, .* multiples of 14; write 14"):
        parse_run(run({"short_side": 480, "multiple": 16}, vit), registry)


def test_another_rule_departs_from_a_recommended_size() -> None:
    sizes = {
        "size": None,
        "short_side": None,
        "max_side": None,
        "longest": 1024,
        "multiple": 1,
        "interpolation": "bilinear",
    }
    boq = ImageNeeds(recommended={"size": [384, 384], "interpolation": "bicubic"})
    assert "interpolation: bilinear" in boq.departure({**sizes, "size": (384, 384)})
    assert boq.departure({**sizes, "size": (384, 384), "interpolation": "bicubic"}) == ""
    anyloc = ImageNeeds(recommended={"longest": 1024, "multiple": 14})
    assert anyloc.departure({**sizes, "multiple": 14}) == ""
    assert "short_side: 480" in anyloc.departure({**sizes, "multiple": 14, "short_side": 480})
    assert "size: [322, 322]" in anyloc.departure({**sizes, "multiple": 14, "size": (322, 322)})
