"""Networks whose weights are a file: against the formula in float64, and every usual wrong file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.models
from torch import Tensor, nn

from vpr_torchhub.checkpoint import fill, made
from vpr_torchhub.networks import ConvAPNetwork, MixVPRNetwork, PatchNetVLADNetwork, SuperVLADNetwork
from vpr_torchhub.plugin import vpr_backbones

SPECS = {spec.name: spec for spec in vpr_backbones()}
AGREED = {"accept_licence": True, "trust_repo": True}


def randomised(network: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                noise = (
                    torch.randn(tensor.shape, generator=generator)
                    / max(1, tensor[0].numel() if tensor.ndim else 1) ** 0.5
                )
                tensor.copy_(1 + 0.1 * noise if name.endswith(("running_var", "bn1.weight")) else noise)
    return network.eval()


@pytest.fixture(scope="module")
def small_vgg() -> Iterator[None]:
    """VGG16 has 15 M weights to its last convolution, and the layer is what is tested: a slim one is as good."""
    slim = nn.Sequential(nn.Conv2d(3, 512, 3, stride=16, padding=1), nn.ReLU(), nn.Identity(), nn.Identity())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torchvision.models, "vgg16", lambda weights: type("V", (), {"features": slim})())
        yield


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.sqrt((values**2).sum())


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def test_supervlad_is_the_formula() -> None:
    class Tokens(nn.Module):
        def forward_features(self, images: Tensor) -> dict[str, Tensor]:
            return {"x_norm_patchtokens": images.reshape(len(images), 768, -1).transpose(1, 2)}

    for clusters, ghosts in ((4, 1), (1, 2)):
        network = SuperVLADNetwork(backbone=Tokens(), clusters=clusters, ghosts=ghosts, cross_image=False)
        randomised(network).double()
        x = torch.randn(2, 768, 3, 5, dtype=torch.float64)
        weight = network.aggregation.conv.weight[:, :, 0, 0].detach().numpy()
        for image, found in zip(x, network(x), strict=True):
            sums = np.zeros((clusters, 768))
            for feature in image.reshape(768, -1).T.numpy():
                a = softmax(weight @ unit(feature))
                sums += a[:clusters, None] * unit(feature)
            expected = unit(np.concatenate([unit(row) for row in sums]))
            np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-10)


def test_patch_netvlad_is_the_formula(small_vgg) -> None:
    network = randomised(PatchNetVLADNetwork(dim=128)).double()
    images = torch.randn(1, 3, 48, 32, dtype=torch.float64)
    features = network.encoder(images)[0].flatten(1).T.detach().numpy()
    weight = network.pool.conv.weight[:, :, 0, 0].detach().numpy()
    centroids = network.pool.centroids.detach().numpy()
    sums = np.zeros_like(centroids)
    for feature in features:
        a = softmax(weight @ unit(feature))
        sums += a[:, None] * (unit(feature) - centroids)
    flat = unit(np.concatenate([unit(row) for row in sums]))
    whiten = network.WPCA[0]
    expected = unit(whiten.weight.flatten(1).detach().numpy() @ flat + whiten.bias.detach().numpy())
    np.testing.assert_allclose(network(images)[0].detach().numpy(), expected, atol=1e-9)


def test_the_layers_of_gsv_cities_are_the_formula() -> None:
    mixer = randomised(MixVPRNetwork(channels=5, rows=3)).aggregator.double()
    x = torch.randn(1, 1024, 20, 20, dtype=torch.float64)
    mixed = x[0].flatten(1).numpy()
    for block in mixer.mix:
        norm = block.mix[0]
        values = {name: value.detach().numpy() for name, value in block.mix.named_parameters()}
        mean, var = mixed.mean(axis=1, keepdims=True), mixed.var(axis=1, keepdims=True)
        normed = (mixed - mean) / np.sqrt(var + norm.eps) * values["0.weight"] + values["0.bias"]
        hidden = np.maximum(normed @ values["1.weight"].T + values["1.bias"], 0)
        mixed = mixed + hidden @ values["3.weight"].T + values["3.bias"]
    channel, row = mixer.channel_proj, mixer.row_proj
    by_channel = channel.weight.detach().numpy() @ mixed + channel.bias.detach().numpy()[:, None]
    expected = unit((by_channel @ row.weight.detach().numpy().T + row.bias.detach().numpy()).reshape(-1))
    np.testing.assert_allclose(mixer(x)[0].detach().numpy(), expected, atol=1e-8)

    convap = randomised(ConvAPNetwork(channels=3)).aggregator.double()
    x = torch.randn(1, 2048, 4, 6, dtype=torch.float64)
    weight, bias = convap.channel_pool.weight[:, :, 0, 0].detach().numpy(), convap.channel_pool.bias.detach().numpy()
    cells = [x[0, :, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3].mean(dim=(1, 2)).numpy() for i in range(2) for j in range(2)]
    expected = unit(np.stack([weight @ cell + bias for cell in cells], axis=1).reshape(-1))
    np.testing.assert_allclose(convap(x)[0].detach().numpy(), expected, atol=1e-12)


def test_a_trunk_is_torchvisions(tmp_path: Path) -> None:
    """To its third layer, without the classifier; the file says so by its names."""
    network = randomised(MixVPRNetwork(channels=2, rows=2))
    whole = torchvision.models.resnet50(weights=None).eval()
    whole.load_state_dict(
        {name.removeprefix("backbone.model."): value for name, value in network.state_dict().items()}, strict=False
    )
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        x = whole.maxpool(whole.relu(whole.bn1(whole.conv1(images))))
        torch.testing.assert_close(network.backbone(images), whole.layer3(whole.layer2(whole.layer1(x))))
    assert not any(name.startswith(("backbone.model.fc", "backbone.model.layer4")) for name in network.state_dict())


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, images: Tensor) -> Tensor:
        return self.norm(self.conv(images)).mean(dim=(2, 3))


STATE = randomised(Net()).state_dict()
WRAPPED: dict[str, object] = {
    "plain": STATE,
    "lightning": {"state_dict": STATE, "epoch": 3, "global_step": 7},
    "wrapped": {"model_state_dict": {f"module.{name}": value for name, value in STATE.items()}},
    "compiled": {f"_orig_mod.{name}": value for name, value in STATE.items()},
    "without counters": {name: value for name, value in STATE.items() if "num_batches" not in name},
    "in half precision": {name: value.half() if value.is_floating_point() else value for name, value in STATE.items()},
}


@pytest.mark.parametrize("content", WRAPPED.values(), ids=WRAPPED)
@pytest.mark.parametrize("way", [lambda path: made(Net, path), lambda path: fill(Net(), path)], ids=["made", "filled"])
def test_files_as_users_have_them(content: object, way: Callable[[Path], nn.Module], tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.ckpt")
    network = way(tmp_path / "x.ckpt")
    assert len(network.file_sha256) == 64
    tolerance = 1e-3 if any(getattr(value, "dtype", None) == torch.float16 for value in content.values()) else 0
    for name, value in network.state_dict().items():
        if "num_batches" not in name:
            torch.testing.assert_close(value, STATE[name], atol=tolerance, rtol=tolerance)
            assert value.dtype == STATE[name].dtype


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({name: value for name, value in STATE.items() if "norm" not in name}, r"4 tensors are missing \(norm\.weight"),
        ({**STATE, "head.weight": torch.ones(2)}, r"1 are none of this network \(head\.weight\)"),
        ({**STATE, "conv.weight": torch.ones(5, 3, 1, 1)}, r"conv\.weight is \(5, 3, 1, 1\), not \(4, 3, 1, 1\)"),
    ],
)
def test_another_models_file_is_refused_by_name(content, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.ckpt")
    with pytest.raises(
        ValueError, match=rf"x\.ckpt does not hold the published Net: .*{said}.*authors' file"
    ) as caught:
        made(Net, tmp_path / "x.ckpt")
    assert "\n" not in str(caught.value)


def test_a_web_page_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "x.ckpt").write_text("<!DOCTYPE html><title>Google Drive - Virus scan warning</title>")
    for name in ("hub_mixvpr", "hub_convap", "hub_patch_netvlad"):
        with pytest.raises(ValueError, match=r"x\.ckpt .* it is a web page"):
            SPECS[name].build(SPECS[name].config(weights=tmp_path / "x.ckpt"))
        with pytest.raises(FileNotFoundError, match=r"no file .*gone\.ckpt"):
            SPECS[name].build(SPECS[name].config(weights=tmp_path / "gone.ckpt"))


def test_mixvpr_whole(tmp_path: Path) -> None:
    network = randomised(MixVPRNetwork(channels=64, rows=2))
    torch.save({"state_dict": network.state_dict()}, tmp_path / "x.ckpt")
    spec = SPECS["hub_mixvpr"]
    config = spec.config(weights=tmp_path / "x.ckpt", dim=128)
    backbone = spec.build(config)
    images = torch.randn(1, 3, 320, 320)
    with torch.no_grad():
        torch.testing.assert_close(backbone(images)[:, :, 0, 0], network(images))
    assert backbone.out_channels == 128
    assert len(backbone.origin.file_sha256) == len(backbone.origin.weights_sha256) == 64
    with pytest.raises(ValueError, match=r"images are 320 x 240: image\.size: .* takes \[320, 320\] only"):
        backbone(torch.zeros(1, 3, 320, 240))
    with pytest.raises(ValueError, match=r"does not hold the published MixVPRNetwork.*channel_proj\.weight is"):
        spec.build(spec.config(weights=tmp_path / "x.ckpt", dim=512))


def test_supervlad_and_cliquemining_fill_the_networks_of_their_repositories(folder: Path, tmp_path: Path) -> None:
    from vpr_torchhub import load

    for cross, clusters, ghosts in ((False, 4, 1), (True, 4, 1), (False, 1, 2)):
        tokens = load("a/b", "dinov2_vitb14", arguments={"pretrained": False}, local=folder)
        network = SuperVLADNetwork(backbone=tokens, clusters=clusters, ghosts=ghosts, cross_image=cross)
        randomised(network)
        torch.save(
            {"model_state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, tmp_path / "s.pth"
        )
        spec = SPECS["hub_supervlad"]
        config = spec.config(**AGREED, local=folder, weights=tmp_path / "s.pth", clusters=clusters, cross_image=cross)
        backbone = spec.build(config)
        assert backbone.out_channels == 768 * clusters
        images = torch.randn(3, 3, 28, 42)
        with torch.no_grad():
            alone = torch.cat([network(image[None]) for image in images])
            torch.testing.assert_close(backbone(images)[:, :, 0, 0], alone)
            assert torch.allclose(network(images), alone, atol=1e-5) != cross

    salad = load("a/b", "dinov2_salad", local=folder)
    own = {name: value + 1 for name, value in salad.state_dict().items() if value.is_floating_point()}
    torch.save({"state_dict": own, "epoch": 1}, tmp_path / "c.ckpt")
    spec = SPECS["hub_cliquemining"]
    backbone = spec.build(spec.config(**AGREED, local=folder, weights=tmp_path / "c.ckpt"))
    for name, value in own.items():
        assert torch.equal(backbone.model.state_dict()[name], value)
    with pytest.raises(ValueError, match=r"64 patches of 14 x 14 pixels, and at least 65 are needed"):
        backbone(torch.zeros(1, 3, 112, 112))
