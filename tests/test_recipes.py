"""Every recipe is a valid run file with the paper's numbers; one of them runs, scaled down, on the rendered city."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vpr_core import build_registry, load_run_file
from vpr_runner.cli import main

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
TRAINED = [path for path in RECIPES if not path.stem.startswith("rootsift")]
RATES = {"pitts30k": 0.001, "pitts250k": 0.0001, "tokyo_tm": 0.0001}
REGISTRY = build_registry()


def recipe(path: Path) -> Any:
    return load_run_file(path, REGISTRY)


def test_there_is_a_recipe_for_each_network_and_set() -> None:
    assert {path.stem for path in TRAINED} == {f"{net}_{name}" for net in ("vgg16", "alexnet") for name in RATES}
    assert {path.stem for path in RECIPES} - {path.stem for path in TRAINED} == {
        "rootsift_pitts30k",
        "rootsift_tokyo_tm",
    }
    said = (ROOT / "recipes" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in said for path in RECIPES)


def test_vpr_validate_accepts_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", *map(str, RECIPES)]) == 0
    assert capsys.readouterr().out.count(": ok") == len(RECIPES)


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_the_numbers_are_the_papers(path: Path) -> None:
    config = recipe(path)
    network, _, name = path.stem.partition("_")
    assert config.name == path.stem
    assert config.dataset.type == name
    assert config.train.lr == RATES[name]
    train = config.train
    assert (train.optimizer, train.momentum, train.weight_decay) == ("sgd", 0.9, 0.001)
    assert (train.batch, train.lr_halve_every, train.epochs, train.select) == (4, 5, 30, "recall@5")
    assert (train.cache_every, train.cache_grows, train.val_queries) == (1000, True, 1000)
    assert (config.loss.type, config.loss.margin) == ("weakly_supervised_ranking", 0.1)
    assert (config.miner.type, config.miner.pool, config.miner.remember, config.miner.keep) == (
        "hard_negatives", 1000, 10, 10,
    )  # fmt: skip
    assert (config.pooling.type, config.pooling.num_clusters, config.pooling.form) == ("netvlad", 64, "v1")
    assert (config.init.images, config.init.locations) == (500, 100)
    assert config.image.size == (480, 640)
    assert config.image.augment == type(config.image.augment)()
    assert (config.whiten.dim, config.whiten.images) == (4096, 10_000)
    backbone = config.backbone
    assert backbone.cut == "conv5"
    if network == "vgg16":
        assert (backbone.type, backbone.train_from, backbone.normalization) == ("vgg16", "conv5", "imagenet")
    else:
        assert (backbone.type, backbone.train_from, backbone.normalization) == ("caffe_alexnet", "conv2", "caffe")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_commands_in_its_head_name_itself(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert f"recipes/{path.name}" in text
    assert max(map(len, text.splitlines())) <= 160


def test_the_alexnet_recipe_trains_scaled_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe itself with another data set, random weights and small numbers: every block is used."""
    monkeypatch.setenv("VPR_CACHE", str(tmp_path / "cache"))
    small = (
        "dataset={type: city, size: small}", "backbone.weights=none", "image.size=[64, 80]", "init.images=20",
        "pooling.num_clusters=4", "train.epochs=1", "train.max_queries=4", "train.val_queries=5", "train.cache_every=4",
        "whiten={dim: 8, images: 30}", "compute.device=cpu", "compute.threads=1", "train.frozen_cache_gib=0",
    )  # fmt: skip
    settings = [part for item in small for part in ("--set", item)]
    run = tmp_path / "run"
    assert main(["train", str(ROOT / "recipes" / "alexnet_pitts30k.yaml"), "-o", str(run), "-q", *settings]) == 0
    model = json.loads((run / "model" / "model.json").read_text())
    assert model["out_dim"] == 8
    assert model["config"]["train"]["weight_decay"] == 0.001
    report = json.loads((run / "report.json").read_text())
    assert report["epochs"] == 1
