"""The contracts, on checkouts and files of the same interface as the published ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vpr_core.testing import BackboneContract, Case, PoolingContract, Trial
from vpr_core.testing.case import make_case
from vpr_torchhub.plugin import vpr_backbones, vpr_poolings

SPECS = {spec.name: spec for spec in vpr_backbones()}
(FINISHED,) = vpr_poolings()
AGREED = {"accept_licence": True, "trust_repo": True}
INERT = {
    "accept_licence": "false is refused; tested in test_terms",
    "trust_repo": "false is refused; tested in test_terms",
    "ref": "of GitHub, not of a folder",
}
IN_14S = {"image_size": (70, 84), "any_size": False}
TRANSPORT = {"image_size": (126, 126), "any_size": False}
ONE_WAY = {"train_from": "it is used as it is"}
GENERIC = {"repository": "someone/network", "entry": "get_trained_model", "arguments": {"fc_output_dim": 9}}
TRIALS = {
    "hub_cosplace": Trial(parameters={"dim": 256}, other={"dim": [512], "backbone": ["VGG16"]}),
    "hub_eigenplaces": Trial(parameters={"dim": 512}, other={"dim": [256], "backbone": ["VGG16"]}),
    "hub_salad": Trial(options=TRANSPORT),
    "hub_boq": Trial(options=IN_14S),
    "hub_megaloc": Trial(options={"image_size": (140, 150)}),
    "hub_anyloc": Trial(options=IN_14S, inert=ONE_WAY),
    "hub_cricavpr": Trial(options={"image_size": (224, 224), "any_size": False}, inert=ONE_WAY),
    "hub_edtformer": Trial(options=IN_14S),
    "hub_image": Trial(options=IN_14S),
    "hub_selavprpp": Trial(options={"image_size": (70, 70), "any_size": False}),
    "hub_sfrs": Trial(),
    "torchhub": Trial(
        parameters=GENERIC,
        other={"entry": ["another_model"], "arguments": [{"fc_output_dim": 10}]},
        inert={
            "repository": "a name for messages when a folder is used",
            "probe": "this network takes every size",
            "multiple": "the images are multiples of 2 already; tested in test_backbone",
        },
    ),
}
OF_FILES = {"hub_cliquemining", "hub_supervlad", "hub_mixvpr", "hub_convap", "hub_patch_netvlad"}
"""Held to the contract by test_of_files, on files of their size."""


def test_every_network_is_tried() -> None:
    assert set(SPECS) == set(TRIALS) | OF_FILES


@pytest.mark.parametrize(
    ("name", "train_from"), [*((name, "none") for name in TRIALS), ("hub_boq", "all"), ("torchhub", "all")]
)
class TestNetworks(BackboneContract):
    @pytest.fixture
    def case(self, name: str, train_from: str, folder: Path, checkout, tmp_path: Path) -> Case:
        trial = TRIALS[name]
        parameters = {**AGREED, "local": folder, "train_from": train_from, **trial.parameters}
        other = {"local": [checkout(0.7)], **trial.other}
        ready = Trial(parameters=parameters, other=other, inert={**INERT, **trial.inert}, options=trial.options)
        return make_case(SPECS[name], ready, tmp_path)


def test_of_images_of_the_recommended_size_every_network_takes_one(folder: Path) -> None:
    for name, trial in TRIALS.items():
        spec = SPECS[name]
        config = spec.config(**AGREED, local=folder, **trial.parameters)
        needs = spec.images(config)
        size = needs.recommended.get("size", [140, 140])
        assert needs.fault(*size) == "", name
        with torch.no_grad():
            assert spec.build(config)(torch.zeros(1, 3, *size)).shape[2:] == (1, 1)


class TestFinished(PoolingContract):
    spec = FINISHED
    map_size = (1, 1)
    any_size = False
