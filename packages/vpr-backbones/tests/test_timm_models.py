"""The table of timm's models against the timm that is installed."""

from __future__ import annotations

from typing import Any

import pytest
import timm

from vpr_backbones.timm_models import listing, look_up


@pytest.fixture
def spec() -> Any:
    pytest.importorskip("vpr_core", reason="vpr-core is not installed: the leaf is used as a library")
    from vpr_backbones.plugin import vpr_backbones

    return next(spec for spec in vpr_backbones() if spec.name == "timm")


def test_the_table_is_what_timm_says() -> None:
    """Of a model that both know; another version of timm has others."""
    ours = {name: look_up(name) for line in listing() if (name := line.split()[0])}
    known = {name: model for name, model in ours.items() if model is not None}
    assert len(known) > 0.7 * len(ours)
    same = timm.__version__ == "1.0.31"  # of which the table is; others move defaults, older ones state fewer licences
    other = []
    for line in listing():
        name, patch, *weights = line.split()
        model = known.get(name)
        if model is None:
            continue
        usual, _, licence = weights[0].partition("=") if weights else ("", "", "")
        if (model.patch, model.tag) != (int(patch), usual) or (same and model.licence != licence):
            other.append(line)
    assert len(other) <= (0 if same else len(known) // 20), other[:5]


@pytest.mark.parametrize(
    ("model", "tag", "licence", "patch"),
    [
        ("vit_small_patch14_dinov2", "lvd142m", "apache-2.0", 14),
        ("vit_small_patch14_dinov2.lvd142m", "lvd142m", "apache-2.0", 14),
        ("resnet18.fb_swsl_ig1b_ft_in1k", "fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0", 0),
        ("flexivit_small", "1200ep_in1k", "apache-2.0", 16),
    ],
)
def test_a_model_with_a_tag_and_without(model: str, tag: str, licence: str, patch: int) -> None:
    found = look_up(model)
    assert found is not None
    assert (found.tag, found.licence, found.patch) == (tag, licence, patch)


@pytest.mark.parametrize("model", ["nobody", "resnet18.of_nobody", "resnet1", ".*", "", "resnet18 0"])
def test_what_the_table_lacks(model: str) -> None:
    assert look_up(model) is None


def test_tag_and_licence_are_said_before_anything_is_fetched(spec) -> None:
    def said(**parameters: object) -> list[str]:
        return list(spec.remarks(spec.config(**parameters)))

    (line,) = said(model="vit_base_patch14_dinov2")
    assert "vit_base_patch14_dinov2.lvd142m, licence apache-2.0; name the tag" in line
    (line,) = said(model="resnet50.fb_swsl_ig1b_ft_in1k")
    assert line.endswith("resnet50.fb_swsl_ig1b_ft_in1k, licence cc-by-nc-4.0")
    (line,) = said(model="resnet18.of_nobody")
    assert "does not hold" in line
    assert said(model="resnet18", weights="none") == []
    assert said(model="resnet18", weights="mine.pth") == []


def test_the_patch_is_known_without_torch(spec) -> None:
    assert spec.images(spec.config(model="vit_small_patch14_dinov2")).multiple == 14
    assert spec.images(spec.config(model="resnet18")) is None
