"""``vpr import`` of Lightning checkpoints: trunk and pooling layer whole, or a sentence about what is not known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.models import resnet18

from vpr_core import UsageError, build_registry
from vpr_runner.cli import main
from vpr_runner.importing.imported import adopt

BASE = {"name": "imported", "dataset": {"type": "city"}}


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    net = resnet18(weights=None).eval()
    with torch.no_grad():
        for number, (name, value) in enumerate(net.state_dict().items()):
            if value.is_floating_point():
                noise = draw(*value.shape, seed=number, scale=max(1, value[0].numel()) ** -0.5 if value.ndim else 1)
                value.copy_(1 + 0.1 * noise if name.endswith(("running_var", "bn1.weight", "bn2.weight")) else noise)
    return net


def features(net: torch.nn.Module, images: Tensor) -> Tensor:
    mean, std = (
        torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1),
        torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1),
    )
    x = net.maxpool(net.relu(net.bn1(net.conv1((images - mean) / std))))
    return net.layer3(net.layer2(net.layer1(x)))


def checkpoint(path: Path, net: torch.nn.Module, head: dict[str, Tensor], *, around: str = "backbone.model.") -> Path:
    kept = {
        f"{around}{name}": value for name, value in net.state_dict().items() if not name.startswith(("fc", "layer4"))
    }
    content = {
        "epoch": 9,
        "pytorch-lightning_version": "2.4.0",
        "hyper_parameters": {"lr": 0.1, "agg_config": {"in_dim": 256}},
        "state_dict": {**kept, **head},
        "optimizer_states": [],
    }
    torch.save(content, path)
    return path


def imported(path: Path):
    from vpr_backbones import read_retriever

    return adopt(read_retriever(path), build_registry(), base=BASE)


@torch.no_grad()
@pytest.mark.parametrize("around", ["backbone.model.", "backbone.", "model.backbone.net.", "module.backbone.model."])
def test_netvlad_is_taken_whole(tmp_path: Path, network, around: str) -> None:
    before = around.partition("backbone.")[0]
    weight, centres = draw(3, 256, 1, 1, seed=70, scale=0.5), draw(3, 256, seed=71)
    head = {f"{before}aggregator.conv.weight": weight, f"{before}aggregator.centroids": centres}
    retriever, config = imported(checkpoint(tmp_path / "x.ckpt", network, head, around=around))
    images = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    x = functional.normalize(features(network, images).flatten(2), dim=1)
    share = torch.einsum("kd,bdn->bkn", weight[:, :, 0, 0], x).softmax(dim=1)
    sums = torch.einsum("bkn,bdn->bkd", share, x) - share.sum(dim=2)[:, :, None] * centres
    expected = functional.normalize(functional.normalize(sums, dim=2).flatten(1), dim=1)
    torch.testing.assert_close(retriever(images), expected, atol=2e-5, rtol=1e-3)
    assert (config.backbone.type, config.backbone.cut, config.pooling.type) == ("resnet18", "layer3", "netvlad")


@torch.no_grad()
def test_gem_convap_and_mixvpr_are_taken_by_the_layers_that_know_them(tmp_path: Path, network) -> None:
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    maps = features(network, images)

    retriever, config = imported(checkpoint(tmp_path / "g.ckpt", network, {"aggregator.p": torch.tensor([2.5])}))
    expected = functional.normalize(maps.clamp(min=1e-6).pow(2.5).mean(dim=(2, 3)).pow(1 / 2.5), dim=1)
    torch.testing.assert_close(retriever(images), expected, atol=1e-5, rtol=1e-3)
    assert config.pooling.type == "gem"

    weight, bias = draw(8, 256, 1, 1, seed=3, scale=0.1), draw(8, seed=4)
    head = {"aggregator.channel_pool.weight": weight, "aggregator.channel_pool.bias": bias, "loss_fn.W": draw(2, 2)}
    pytest.importorskip("vpr_modern_pooling")
    retriever, config = imported(checkpoint(tmp_path / "c.ckpt", network, head))
    cells = functional.adaptive_avg_pool2d(functional.conv2d(maps, weight, bias), (2, 2))
    torch.testing.assert_close(retriever(images), functional.normalize(cells.flatten(1), dim=1), atol=1e-5, rtol=1e-3)
    assert (config.pooling.type, config.pooling.channels) == ("convap", 8)

    locations, head = 16, {}
    for name, rows, columns in (
        ("mix.0.mix.1", 16, 16),
        ("mix.0.mix.3", 16, 16),
        ("channel_proj", 6, 256),
        ("row_proj", 2, 16),
    ):
        head[f"aggregator.{name}.weight"] = draw(rows, columns, seed=rows + columns, scale=columns**-0.5)
        head[f"aggregator.{name}.bias"] = draw(rows, seed=rows)
    head["aggregator.mix.0.mix.0.weight"], head["aggregator.mix.0.mix.0.bias"] = (
        torch.ones(locations),
        torch.zeros(locations),
    )
    retriever, config = imported(checkpoint(tmp_path / "m.ckpt", network, head))
    assert (config.pooling.type, config.image.size, config.pooling.depth) == ("mixvpr", (64, 64), 1)
    x = maps.flatten(2)
    inner = functional.linear(
        functional.layer_norm(x, (16,)), head["aggregator.mix.0.mix.1.weight"], head["aggregator.mix.0.mix.1.bias"]
    )
    x = x + functional.linear(inner.relu(), head["aggregator.mix.0.mix.3.weight"], head["aggregator.mix.0.mix.3.bias"])
    x = functional.linear(
        x.transpose(1, 2), head["aggregator.channel_proj.weight"], head["aggregator.channel_proj.bias"]
    )
    x = functional.linear(x.transpose(1, 2), head["aggregator.row_proj.weight"], head["aggregator.row_proj.bias"])
    torch.testing.assert_close(retriever(images), functional.normalize(x.flatten(1), dim=1), atol=1e-5, rtol=1e-3)


def test_the_command_says_what_it_took_and_what_it_left(tmp_path: Path, network, capsys) -> None:
    head = {"aggregator.p": torch.tensor([3.0]), "loss_fn.weight": draw(5, 256)}
    file = checkpoint(tmp_path / "x.ckpt", network, head)
    assert main(["import", str(file), "--into", str(tmp_path / "net")]) == 0
    out = capsys.readouterr().out
    assert "left aside, as only training used it: loss_fn.weight" in out
    assert "resnet18 up to layer3, gem, 256 numbers" in out
    assert json.loads((tmp_path / "net" / "import.json").read_text())["left_aside"] == ["loss_fn.weight"]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (
            {"aggregator.agg.0.weight": draw(4, 4)},
            r"pooling layer \(agg\.0\.weight.*is none of .*gem.*vpr-modern-pooling",
        ),
        ({"aggregator.p": torch.ones(1), "neck.weight": draw(2, 2)}, r"layers beside backbone\.\* .*: neck\.weight"),
    ],
)
def test_what_is_not_known_is_named(tmp_path: Path, network, head, said: str) -> None:
    with pytest.raises((UsageError, ValueError), match=said):
        imported(checkpoint(tmp_path / "x.ckpt", network, head))


def test_what_a_killed_import_leaves_is_taken_up_without_force(tmp_path: Path, network, capsys) -> None:
    file, into = checkpoint(tmp_path / "x.ckpt", network, {"aggregator.p": torch.tensor([3.0])}), tmp_path / "net"

    def again() -> int:
        return main(["import", str(file), "--into", str(into)])

    into.mkdir()
    (into / ".partial-00aa").write_bytes(b"half of import.json")
    assert again() == 0
    whole = {path.relative_to(into) for path in into.rglob("*")}
    assert not any(path.name.startswith(".partial-") for path in whole)
    assert again() == 2  # it is whole
    assert "--force replaces it" in capsys.readouterr().err
    (into / "model" / "model.safetensors").rename(into / "model" / ".partial-11bb")
    (into / "environment.json").unlink()
    assert again() == 0
    assert {path.relative_to(into) for path in into.rglob("*")} == whole
    (into / "import.json").unlink()  # somebody's own folder by now
    assert again() == 2
