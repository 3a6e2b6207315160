"""Loading from a folder, and what becomes of the network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from vpr_torchhub import Finished, HubBackbone, load


def test_the_descriptor_is_the_networks(folder: Path) -> None:
    model = load("someone/network", "get_trained_model", arguments={"fc_output_dim": 9}, local=folder).eval()
    backbone = HubBackbone(model=model)
    images = torch.randn(3, 3, 20, 30)
    wanted = model(images)
    assert backbone.out_channels == 9
    assert backbone(images).shape == (3, 9, 1, 1)
    torch.testing.assert_close(Finished(channels=9)(backbone(images)), wanted)
    assert wanted.std(dim=0).max() > 1e-4  # images differ


def test_the_first_of_a_tuple_is_taken(folder: Path) -> None:
    model = load("someone/network", "get_trained_boq", local=folder).eval()
    images = torch.randn(2, 3, 16, 16)
    assert isinstance(model(images), tuple)
    assert torch.equal(HubBackbone(model=model)(images)[:, :, 0, 0], model(images)[0])


def test_trained_or_left_alone(folder: Path) -> None:
    images = torch.randn(4, 3, 16, 16)
    for train_from in ("none", "all"):
        model = load("someone/network", "get_trained_model", arguments={"fc_output_dim": 9}, local=folder)
        backbone = HubBackbone(model=model, train_from=train_from).train()
        trained = [name for name, item in backbone.named_parameters() if item.requires_grad]
        assert model.training == (train_from == "all")
        if train_from == "none":
            assert trained == []
            assert torch.equal(backbone.trainable(backbone.frozen(images)), backbone(images))
        else:
            assert "model.conv.weight" in trained
            assert "model.conv.bias" not in trained  # its authors froze it
            assert backbone.frozen(images) is images


def test_two_checkouts_with_modules_of_one_name(checkout) -> None:
    """Each is built of its own ``network.py``, and neither stays in the process."""
    path, before = list(sys.path), set(sys.modules)
    images, found = torch.randn(1, 3, 8, 8), []
    for factor in (0.3, 0.9):
        folder = checkout(factor)
        model = load("someone/network", "get_trained_model", arguments={"fc_output_dim": 5}, local=folder)
        assert sys.modules.get("network") is None
        found.append(model.eval()(images))
    assert not torch.allclose(*found)
    assert sys.path == path
    assert not {name for name in set(sys.modules) - before if name.startswith("network")}


def test_what_the_code_prints_stays_off_stdout(folder: Path, capsys: pytest.CaptureFixture) -> None:
    load("someone/network", "get_trained_model", local=folder)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Returning a model" in err


@pytest.mark.parametrize(
    ("entry", "arguments", "error", "message"),
    [
        ("get_traind", {}, ValueError, "has no entry point 'get_traind'"),
        ("get_trained_model", {"dim": 3}, ValueError, r"refuses the arguments \{'dim': 3\}: .*'dim'"),
        ("dinov2_salad", {"pretrained": False}, ValueError, "refuses the arguments .*must be True"),
        ("no_module", {}, ValueError, r"builds a int, a torch\.nn\.Module is needed"),
        ("needs_more", {}, ModuleNotFoundError, "its code needs a_package_that_nobody_has, which is not installed"),
    ],
)
def test_what_can_go_wrong_is_named(folder: Path, entry, arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        load("someone/network", entry, arguments=arguments, local=folder)


def test_missing_dependencies_and_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no hubconf\.py there; give the folder of a checkout of a/b"):
        load("a/b", "x", local=tmp_path)
    (tmp_path / "hubconf.py").write_text("dependencies = ['no_such_package']\ndef x(): ...\n")
    with pytest.raises(ModuleNotFoundError, match="a/b x: its code needs no_such_package, not installed"):
        load("a/b", "x", local=tmp_path)


def test_without_a_network_the_message_says_what_to_copy(monkeypatch, tmp_path: Path) -> None:
    from urllib.error import URLError

    def refuse(*arguments: object, **settings: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "load", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    with pytest.raises(ConnectionError, match=r"a/b x: cannot be fetched .*no route to host.*copy .*hub, or give"):
        load("a/b", "x")


class Shaped(nn.Module):
    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(images), *self.shape)


def test_a_network_that_gives_no_descriptor_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model must give descriptors \(1, D\).*got \(1, 4, 2, 2\)"):
        HubBackbone(model=Shaped(4, 2, 2))


def test_sides_are_checked() -> None:
    backbone = HubBackbone(model=Shaped(4), multiple=14)
    assert backbone(torch.zeros(2, 3, 28, 42)).shape == (2, 4, 1, 1)
    with pytest.raises(ValueError, match=r"480 x 640; this network takes multiples of 14, .*\[476, 644\]"):
        backbone(torch.zeros(1, 3, 480, 640))


def test_finished_refuses_a_map_and_keeps_zeros() -> None:
    layer = Finished(channels=4)
    with pytest.raises(ValueError, match=r"finished descriptors \(B, 4, 1, 1\), got \(2, 4, 3, 3\)"):
        layer(torch.ones(2, 4, 3, 3))
    assert not layer(torch.zeros(2, 4, 1, 1)).any()
    assert layer(torch.ones(2, 4, 1, 1, dtype=torch.bfloat16)).dtype == torch.float32


def test_the_plugin_does_not_import_torch() -> None:
    import subprocess

    code = (
        "import sys, vpr_torchhub.plugin as p; list(p.vpr_backbones()); list(p.vpr_poolings()); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
