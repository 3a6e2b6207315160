from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vpr_backbones import build_tiny
from vpr_backbones.tiny import TINY_STAGES


@pytest.mark.parametrize(("stride", "norm"), [(8, "group"), (16, "group"), (8, "none")])
def test_shape_and_size(stride, norm):
    backbone = build_tiny(stride=stride, norm=norm).eval()
    with torch.no_grad():
        assert backbone(torch.rand(2, 3, 96, 128)).shape == (2, 128, 96 // stride, 128 // stride)
        assert backbone(torch.rand(1, 3, 97, 33)).shape[:2] == (1, 128)
    assert backbone.stages == TINY_STAGES
    assert (backbone.out_channels, backbone.stride) == (128, stride)
    assert 150_000 < sum(parameter.numel() for parameter in backbone.parameters()) < 250_000


def test_the_seed_decides_and_the_global_generator_is_untouched():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, again, other = build_tiny(seed=1), build_tiny(seed=1), build_tiny(seed=2)
    assert torch.equal(torch.rand(3), expected)
    pairs = list(zip(first.parameters(), again.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not any(torch.equal(a, c) for a, _, c in pairs if a.ndim == 4)


def test_initial_weights_are_he_normal():
    for layer in build_tiny(seed=3).modules():
        if isinstance(layer, nn.Conv2d):
            fan_in = layer.weight[0].numel()
            deviation = layer.weight.detach().double().std().item()
            assert deviation == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)
            assert not layer.bias.any()


def test_descriptors_are_cut_before_the_last_relu():
    assert (build_tiny()(torch.rand(1, 3, 96, 128)) < 0).any()


def test_an_image_does_not_depend_on_its_batch():
    backbone = build_tiny().train()
    images = torch.rand(3, 3, 64, 64)
    torch.testing.assert_close(backbone(images)[1:2], backbone(images[1:2]), rtol=1e-4, atol=1e-5)


def test_width():
    assert build_tiny(width=0.5).out_channels == 64
    assert build_tiny(width=0.01).out_channels == 8


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="stride must be 8 or 16, got 4"):
        build_tiny(stride=4)
    with pytest.raises(ValueError, match="norm must be 'group' or 'none', got 'batch'"):
        build_tiny(norm="batch")
    with pytest.raises(ValueError, match="width must be greater than 0"):
        build_tiny(width=0)


def test_it_learns_to_tell_places_from_few_steps():
    """Twelve random textures, each seen with noise and another brightness; triplets as the bench makes them."""
    generator = torch.Generator().manual_seed(0)
    places = nn.functional.interpolate(torch.randn(12, 3, 6, 8, generator=generator), size=(48, 64), mode="bilinear")

    def views() -> torch.Tensor:
        gain = 1 + 0.5 * torch.randn(12, 1, 1, 1, generator=generator)
        return places * gain + 1.5 * torch.randn(12, 3, 48, 64, generator=generator)

    backbone = build_tiny(seed=0).train()
    optimizer = torch.optim.SGD(backbone.parameters(), lr=0.05, momentum=0.9)

    def separation(update: bool) -> float:
        first, second = (nn.functional.normalize(backbone(views()).mean((2, 3)), dim=1) for _ in range(2))
        distances = (first[:, None] - second[None]).square().sum(2)
        right = distances.diagonal()
        loss = ((right[:, None] + 0.1 - distances).relu() * (1 - torch.eye(12))).mean()
        if update:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return (distances.argmin(1) == torch.arange(12)).double().mean().item()

    with torch.no_grad():
        before = sum(separation(False) for _ in range(4)) / 4
    for _ in range(40):
        separation(True)
    with torch.no_grad():
        after = sum(separation(False) for _ in range(4)) / 4
    assert after > before + 0.2


def test_weights_of_a_trained_one_fit_under_any_prefix(tmp_path):
    trained = build_tiny(width=0.25, seed=4)
    file = tmp_path / "model.safetensors"
    tensors = {f"backbone.{name}": value.clone() for name, value in trained.state_dict().items()}
    save_file({**tensors, "pooling.centroids": torch.zeros(2, 3)}, file)
    again = build_tiny(width=0.25, seed=9, weights=file)
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(again(image), trained(image))
    assert again.origin.kind == "file"
    with pytest.raises(ValueError, match="do not fit"):
        build_tiny(width=0.5, weights=file)
    with pytest.raises(ValueError, match="no published weights"):
        build_tiny(weights="imagenet")
