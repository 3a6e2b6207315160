"""Nothing is fetched or run before both are agreed to, and the message says what, whose and how."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from vpr_core import UsageError
from vpr_torchhub.plugin import vpr_backbones

SPECS = {spec.name: spec for spec in vpr_backbones()}
GENERIC = {"repository": "someone/network", "entry": "get_it"}
WHOSE = {
    "hub_cosplace": ("gmberton/CosPlace", "MIT"),
    "hub_eigenplaces": ("gmberton/EigenPlaces", "MIT"),
    "hub_salad": ("serizba/salad", "GPL-3.0"),
    "hub_boq": ("amaralibey/Bag-of-Queries", "MIT"),
    "hub_megaloc": ("gmberton/MegaLoc", "none that we know of; code partly from serizba/salad (GPL-3.0)"),
    "torchhub": ("someone/network", "not known here"),
}


def config(name: str, **fields: object):
    return SPECS[name].config(**(GENERIC if name == "torchhub" else {}), **fields)


def test_every_network_is_asked_about() -> None:
    assert set(WHOSE) == set(SPECS)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize(
    ("agreed", "asked"),
    [
        ({}, "set backbone.accept_licence: true and backbone.trust_repo: true in the run file"),
        ({"trust_repo": True}, "set backbone.accept_licence: true in the run file"),
        ({"accept_licence": True}, "set backbone.trust_repo: true in the run file"),
    ],
)
def test_nothing_is_loaded_before_both_are_agreed_to(name, agreed, asked, monkeypatch) -> None:
    import torch

    monkeypatch.setattr(torch.hub, "load", lambda *a, **k: pytest.fail("it was loaded"))
    with pytest.raises(UsageError) as caught:
        SPECS[name].build(config(name, **agreed))
    text = str(caught.value)
    repository, licence = WHOSE[name]
    assert f"{repository} is not used before you agree" in text
    assert f"Licence of its code and weights: {licence}." in text
    assert f"https://github.com/{repository}" in text
    assert asked in text


@pytest.mark.parametrize("name", SPECS)
def test_agreed_to_it_is_asked_of_github(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    calls = []

    def load(where: str, entry: str, **settings: object) -> torch.nn.Module:
        calls.append((where, entry, settings))
        return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())

    monkeypatch.setattr(torch.hub, "load", load)
    commit = "0123456789abcdef0123456789abcdef01234567"
    for ref in (None, "v1.0", commit):
        network = SPECS[name].build(config(name, accept_licence=True, trust_repo=True, ref=ref))
        assert network.out_channels == 12
    repository = WHOSE[name][0]
    assert [where for where, _, _ in calls] == [repository, f"{repository}:v1.0", f"{repository}:{commit}"]
    assert [settings["skip_validation"] for _, _, settings in calls] == [False, False, True]
    arguments = {
        "hub_cosplace": {"backbone": "ResNet50", "fc_output_dim": 2048},
        "hub_eigenplaces": {"backbone": "ResNet50", "fc_output_dim": 2048},
        "hub_boq": {"backbone_name": "dinov2", "output_dim": 12288},
    }.get(name, {})
    own = {"source", "trust_repo", "skip_validation", "verbose"}
    for _, entry, settings in calls:
        assert {key: value for key, value in settings.items() if key not in own} == arguments
        assert settings["source"] == "github"
        assert settings["trust_repo"] is True
        assert entry == {"hub_salad": "dinov2_salad", "hub_boq": "get_trained_boq", "torchhub": "get_it"}.get(
            name, "get_trained_model"
        )


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("hub_cosplace", {"dim": 100}, "dim of ResNet50 is one of 32, 64, 128, 256, 512, 1024, 2048, got 100"),
        ("hub_cosplace", {"backbone": "VGG16"}, "dim of VGG16 is one of 64, 128, 256, 512, got 2048"),
        ("hub_eigenplaces", {"backbone": "ResNet18", "dim": 128}, "dim of ResNet18 is one of 256, 512, got 128"),
        ("hub_boq", {"backbone": "vgg"}, "Input should be 'resnet50' or 'dinov2'"),
        ("torchhub", {"ref": "a b"}, "String should match pattern"),
        ("torchhub", {"std": (1.0, 0.0, 1.0)}, "std must be above 0"),
        ("torchhub", {"multiple": 14, "probe": (224, 225)}, "probe must hold multiples of 14, got"),
    ],
)
def test_what_was_not_published_is_refused_by_the_run_file(name, fields, message) -> None:
    with pytest.raises(ValidationError, match=message):
        config(name, **fields)


def test_a_folder_needs_agreement_too(folder: Path) -> None:
    with pytest.raises(UsageError, match="Nothing has been downloaded"):
        SPECS["hub_megaloc"].build(config("hub_megaloc", local=folder))
