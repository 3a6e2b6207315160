"""Networks by name, the usual one, and what the first word of `vpr extract` is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vpr_backbones.table import NETWORKS
from vpr_backbones.timm_models import look_up
from vpr_core import UsageError, build_registry
from vpr_core.config import make_run
from vpr_runner.cli import main
from vpr_runner.cli.named import WITHOUT_DATA
from vpr_runner.cli.which import sorted_out
from vpr_runner.names import BACKBONES, DEFAULT, EXPECTED, OFFLINE, POOLINGS
from vpr_runner.network.assembly import assemble

SMALL = ["--set", "image.size=[48, 64]", "--set", "pooling.num_clusters=8"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names") / "photos"
    folder.mkdir()
    for number in range(6):
        view = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(view.repeat(8, axis=0).repeat(8, axis=1)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str) -> Path:
        raise ConnectionError(f"weights of {name} cannot be downloaded") from OSError("no route to host")

    monkeypatch.setattr("vpr_backbones.torchvision.fetch_torchvision", fetch)


def test_every_name_is_a_run_of_installed_components() -> None:
    registry = build_registry()
    assert {DEFAULT, OFFLINE, "resnet18-gem", "vgg16-netvlad"} <= set(registry.models)
    for name, (model, _) in registry.models.items():
        needs_a_file = "--set backbone.weights=FILE" in model.needs
        given = ["backbone.weights=x.ckpt"] if needs_a_file else []
        config = make_run({"name": name, **WITHOUT_DATA, **model.run}, registry, given)
        assert config.image.model_dump(mode="json").items() >= model.run["image"].items()
    for trunk in BACKBONES:
        known = look_up(trunk.block.get("model", ""))
        assert trunk.block["type"] in NETWORKS or (known is not None and known.tag in trunk.weights)
        assert known is None or known.licence == trunk.licence


@pytest.mark.parametrize("name", ["resnet18-netvlad", "mobilenet_v3_large-gem", "resnet18-max"])
def test_dimensions_are_those_of_the_network(name: str) -> None:
    registry = build_registry()
    model = registry.model(name)
    config = make_run({**WITHOUT_DATA, **model.run}, registry, ["backbone.weights=none", "image.size=[64, 64]"])
    assert assemble(config, registry).out_dim == model.dim


def test_the_list_imports_no_torch_and_says_what_is_needed() -> None:
    code = "import sys; from vpr_runner.cli import main; main(['models']); assert 'torch' not in sys.modules"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "weights: torchvision IMAGENET1K_V1 (ImageNet); licence: none stated" in said
    assert "needs: network access once (45 MB)" in said
    assert "16384 numbers  size: [480, 640]  (taken when none is named)" in said
    assert said.count("-netvlad") >= len(BACKBONES)
    assert len(POOLINGS) * len(BACKBONES) <= said.count(" numbers ")


def test_one_name_shows_the_run_file_it_stands_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "resnet18-gem"]) == 0
    said = capsys.readouterr().out
    assert "as a run file:\n    dataset:\n      type: none\n" in said
    assert main(["models", "vgg16", "--json"]) == 0
    assert {row["dim"] for row in json.loads(capsys.readouterr().out)} == {512, 512 * 64}
    assert main(["models", "resnt18-gem"]) == 2
    assert "did you mean 'resnet18-gem'" in capsys.readouterr().err


def test_a_photo_is_found_with_the_usual_network_and_nothing_else(
    photos: Path, tmp_path: Path, offline: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without weights at hand: it says how good to expect it to be, once, and so does everything made of it."""
    output = tmp_path / "map"
    assert main(["extract", str(photos), "-o", str(output), "--set", "image.size=[48, 64]"]) == 0
    said = capsys.readouterr()
    assert "6 images" in said.out
    assert f"the weights of the usual one, {DEFAULT}, cannot be had (no route to host)" in said.err
    assert f"going on with {OFFLINE}, whose weights are random: {EXPECTED}" in said.err
    assert said.err.count("random weights: the backbone of this network was never trained") == 1
    assert f"network: {OFFLINE}, " in said.err
    assert json.loads((output / "model" / "model.json").read_text())["untrained"] == ["backbone"]
    assert main(["search", str(output), str(photos / "3.png"), "-k", "1", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)[0]["answers"][0]["image"] == "3.png"
    assert "random weights: the backbone" in said.err
    assert main(["models", str(tmp_path)]) == 0
    assert "none (random)" in capsys.readouterr().out


def test_a_map_that_was_begun_keeps_its_network(
    photos: Path, tmp_path: Path, offline: None, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "map"
    own = ["tiny-avg", str(photos), "-o", str(output), "-q", "--set", "image.size=[48, 64]"]
    assert main(["extract", *own]) == 0
    capsys.readouterr()
    assert main(["extract", str(photos), "-o", str(output)]) == 0
    said = capsys.readouterr()
    assert "6 images, 0 of them now, 128 numbers" in said.out
    assert "network: the one that this map was begun with" in said.err


def test_a_name_whose_weights_cannot_be_had_is_one_line(
    photos: Path, tmp_path: Path, offline: None, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "map"
    assert main(["extract", "resnet18-netvlad", str(photos), "-o", str(output), *SMALL]) == 2
    said = capsys.readouterr().err
    assert "weights of resnet18 cannot be downloaded" in said
    assert "Traceback" not in said
    assert not output.exists()
    assert (
        main(["extract", "resnet18-netvlad", str(photos), "-o", str(output), *SMALL, "--set", "backbone.weights=none"])
        == 0
    )


def test_names_are_joined_of_any_two_components(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "map"
    assert main(["extract", "tiny-netvlad", str(photos), "-o", str(output), "-q", *SMALL]) == 0
    assert f"{8 * 128} numbers each" in capsys.readouterr().out
    assert main(["extract", "tiny-netvald", str(photos), "-o", str(output), "-q"]) == 2
    assert "no model named 'tiny-netvald'" in capsys.readouterr().err


def test_trained_networks_and_learnt_starts_are_not_called_random(photos: Path, tmp_path: Path) -> None:
    for name, parts in {
        "rootsift-vlad": None,
        "tiny-netvlad": ["backbone"],
        "tiny-mixvpr": ["backbone", "pooling"],
    }.items():
        output = tmp_path / name
        if main(["extract", name, str(photos), "-o", str(output), "-q", "--set", "image.size=[160, 160]"]) != 0:
            continue  # a component that is not installed here
        assert json.loads((output / "model" / "model.json").read_text()).get("untrained") == parts


def test_two_words_one_word_and_no_network(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run.yaml"
    run.write_text("x")
    (tmp_path / "resnet18-gem").mkdir()
    name, folder = Path("resnet18-gem"), Path("resnet18-gem")
    wanted = {"split": None, "output": None}
    assert sorted_out(photos, None, **wanted) == (None, photos)
    assert sorted_out(run, photos, **wanted) == (run, photos)
    assert sorted_out(name, photos, **wanted) == (name, photos)
    assert sorted_out(run, None, split="test", output=None) == (run, None)
    for first, second, said in (
        (run, None, "which images. .*run.yaml is a network; name a folder"),
        (folder, None, "which images. resnet18-gem is a network"),
        (Path("nowhere"), None, "no such folder or video, and no network of that name"),
        (photos, tmp_path, "no network there.*vpr extract .*photos -o "),
    ):
        with pytest.raises(UsageError, match=said):
            sorted_out(first, second, **wanted)
