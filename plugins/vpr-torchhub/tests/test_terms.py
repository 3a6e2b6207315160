"""Nothing is fetched or run before both are agreed to, and the message says what, whose and how."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from vpr_core import UsageError
from vpr_torchhub.plugin import vpr_backbones

SPECS = {spec.name: spec for spec in vpr_backbones()}
GENERIC = {"repository": "someone/network", "entry": "get_it"}
NEEDS = {"torchhub": GENERIC, "hub_cliquemining": {"weights": "x.ckpt"}, "hub_supervlad": {"weights": "x.pth"}}
SAME = "not stated apart from the code's"
WHOSE = {
    "hub_cosplace": ("gmberton/CosPlace", "MIT", "doubtful"),
    "hub_eigenplaces": ("gmberton/EigenPlaces", "MIT", "doubtful"),
    "hub_salad": ("serizba/salad", "GPL-3.0", SAME),
    "hub_boq": ("amaralibey/Bag-of-Queries", "MIT", SAME),
    "hub_megaloc": ("gmberton/MegaLoc", "MIT (since 2025-02-25)", SAME),
    "hub_anyloc": ("AnyLoc/DINO", "BSD-3-Clause", "not stated for the vocabularies"),
    "hub_cricavpr": ("Lu-Feng/CricaVPR", "MIT", SAME),
    "hub_edtformer": ("Tong-Jin01/EDTformer", "MIT", SAME),
    "hub_image": ("Lu-Feng/ImAge", "MIT", SAME),
    "hub_selavprpp": ("Lu-Feng/SelaVPRplusplus", "MIT", SAME),
    "hub_sfrs": ("yxgeee/OpenIBL", "MIT", SAME),
    "hub_cliquemining": ("serizba/cliquemining", "GPL-3.0", SAME),
    "hub_supervlad": ("facebookresearch/dinov2", "Apache-2.0", "MIT, of Lu-Feng/SuperVLAD"),
    "torchhub": ("someone/network", "not known here", "not known here"),
}
OF_FILES = {"hub_mixvpr", "hub_convap", "hub_patch_netvlad"}
"""Nothing is fetched and no code of theirs runs, so there is nothing to agree to."""


def config(name: str, **fields: object):
    return SPECS[name].config(**{**NEEDS.get(name, {}), **fields})


def test_every_network_is_asked_about() -> None:
    assert set(WHOSE) | OF_FILES == set(SPECS)
    for name in OF_FILES:
        assert SPECS[name].declared == frozenset()
    for name in WHOSE:
        assert len(SPECS[name].declared) == 4


@pytest.mark.parametrize("name", WHOSE)
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
    repository, code, weights = WHOSE[name]
    assert f"{repository} is not used before you agree" in text
    assert f"Licence of its code: {code}" in text
    assert f"of its weights: {weights}" in text
    assert f"https://github.com/{repository}" in text
    assert asked in text


ENTRIES = {
    "hub_cosplace": ("get_trained_model", {"backbone": "ResNet50", "fc_output_dim": 2048}),
    "hub_eigenplaces": ("get_trained_model", {"backbone": "ResNet50", "fc_output_dim": 2048}),
    "hub_salad": ("dinov2_salad", {}),
    "hub_boq": ("get_trained_boq", {"backbone_name": "dinov2", "output_dim": 12288}),
    "hub_megaloc": ("get_trained_model", {}),
    "hub_anyloc": (
        "get_vlad_model",
        {
            "backbone": "DINOv2",
            "vit_model": "ViT-G/14",
            "vit_layer": 31,
            "vit_facet": "Value",
            "num_c": 32,
            "domain": "urban",
            "device": "cpu",
        },
    ),
    "hub_cricavpr": ("trained_model", {}),
    "hub_edtformer": ("EDTformer", {}),
    "hub_image": ("ImAge", {"training_set": "Merged"}),
    "hub_selavprpp": (
        "SelaVPRplusplus",
        {"backbone": "dinov2-large", "aggregation": "gem", "hashing": False, "rerank": False},
    ),
    "hub_sfrs": ("vgg16_netvlad", {"pretrained": True}),
    "torchhub": ("get_it", {}),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_agreed_to_it_is_asked_of_github(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import torch

    calls = []

    def load(where: str, entry: str, **settings: object) -> torch.nn.Module:
        calls.append((where, entry, settings))
        return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())

    monkeypatch.setattr(torch.hub, "load", load)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    published = SPECS["hub_megaloc"].build(config("hub_megaloc", accept_licence=True, trust_repo=True)).out_channels
    assert published == 8448
    calls.clear()
    for ref, known in ((None, ""), ("v1.0", ""), (commit, commit)):
        network = SPECS[name].build(config(name, accept_licence=True, trust_repo=True, ref=ref))
        assert network.out_channels == (12 if name == "torchhub" else network._dim)
        assert (network.origin.repository, network.origin.ref, network.origin.commit) == (WHOSE[name][0], ref, known)
    repository = WHOSE[name][0]
    assert [where for where, _, _ in calls] == [repository, f"{repository}:v1.0", f"{repository}:{commit}"]
    assert [settings["skip_validation"] for _, _, settings in calls] == [False, False, True]
    own = {"source", "trust_repo", "skip_validation", "verbose"}
    for _, entry, settings in calls:
        assert entry == ENTRIES[name][0]
        assert {key: value for key, value in settings.items() if key not in own} == ENTRIES[name][1]
        assert settings["source"] == "github"
        assert settings["trust_repo"] is True


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
