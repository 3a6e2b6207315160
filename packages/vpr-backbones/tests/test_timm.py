"""timm's networks against timm's own intermediate features."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from vpr_backbones import ClassTokenBackbone, StagedBackbone, TokenBackbone, build_timm, download

CONVOLUTIONAL = {
    "resnet18": ("layer3", 256, 16),
    "mobilenetv1_100": ("blocks_3", 512, 16),
    "efficientnet_b0": ("blocks_4", 112, 16),
    "convnext_atto": ("stages_2", 160, 16),
    "regnety_002": ("s3", 152, 16),
    "swin_tiny_patch4_window7_224": ("layers_2", 384, 16),
}
TRANSFORMERS = {
    "vit_tiny_patch16_224": (ClassTokenBackbone, 1, 16),
    "deit_tiny_distilled_patch16_224": (ClassTokenBackbone, 2, 16),
    "vit_small_patch14_reg4_dinov2": (ClassTokenBackbone, 5, 14),
    "vit_small_patch16_dinov3": (ClassTokenBackbone, 5, 16),
    "test_vit3": (TokenBackbone, None, 16),
}


def image(height: int, width: int, batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


def reference(model: str, backbone: StagedBackbone, **options) -> nn.Module:
    """timm's own model with the backbone's weights."""
    network = timm.create_model(model, pretrained=False, **options).eval()
    state = {source: backbone.state_dict()[own] for own, source in backbone.source_names.items()}
    assert set(network.state_dict()) == set(state) | backbone.ignored_names
    network.load_state_dict(state, strict=False)
    return network


@pytest.mark.parametrize("model", CONVOLUTIONAL)
def test_a_convolutional_network_is_timms(model):
    cut, channels, stride = CONVOLUTIONAL[model]
    backbone = build_timm(model=model, weights="none", seed=3).eval()
    assert (backbone.stages[-1], backbone.out_channels, backbone.stride) == (cut, channels, stride)
    images = image(224, 224, 1) if model.startswith("swin") else image(70, 98, 1)
    network = reference(model, backbone)
    index = next(i for i, feature in enumerate(network.feature_info) if feature["reduction"] == 16)
    with torch.inference_mode():
        expected = network.forward_intermediates(images, indices=[index], intermediates_only=True, output_fmt="NCHW")
        torch.testing.assert_close(backbone(images), expected[0], rtol=1e-4, atol=1e-5)
        for stage in backbone.stages:
            backbone.set_train_from(stage)
            activations = backbone.frozen(images)
            kept = activations.clone()
            torch.testing.assert_close(backbone.trainable(activations), expected[0], rtol=1e-4, atol=1e-5)
            assert torch.equal(activations, kept), f"{stage} writes to its input"


def test_cut_by_name_path_and_index():
    stages = ("stages_0", "stages_1")
    for cut in ("stages_1", "stages.1", 1):
        assert build_timm(model="convnext_atto", weights="none", cut=cut).stages == stages
    assert build_timm(model="efficientnet_b0", weights="none", cut="blocks_3").stages[-1] == "blocks_3"


def test_gradients_reach_exactly_the_trained_stages():
    backbone = build_timm(model="resnet18", weights="none", train_from="layer3").train()
    backbone(image(64, 64)).square().mean().backward()
    for own, parameter in backbone.named_parameters():
        assert (parameter.grad is not None) == own.startswith("layers.layer3."), own


def test_a_network_that_is_no_chain_is_one_stage():
    backbone = build_timm(model="xcit_nano_12_p16_224", weights="none").eval()
    assert backbone.stages == ("features",)
    network = reference("xcit_nano_12_p16_224", backbone)
    with torch.inference_mode():
        expected = network.forward_intermediates(image(64, 96), indices=[11], intermediates_only=True)[0]
        torch.testing.assert_close(backbone(image(64, 96)), expected)
    frozen = build_timm(model="xcit_nano_12_p16_224", weights="none", train_from="none", cut=3)
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    assert frozen.layers["features"].position == 3


@pytest.mark.parametrize("model", TRANSFORMERS)
def test_a_transformer_is_timms(model):
    kind, prefix, patch = TRANSFORMERS[model]
    backbone = build_timm(model=model, weights="none", seed=3).eval()
    assert type(backbone) is kind
    images = image(3 * patch, 5 * patch)
    network = reference(model, backbone, dynamic_img_size=True)
    assert backbone.prefix_tokens == (network.num_prefix_tokens if prefix is None else prefix)
    last = len(network.blocks) - 1
    with torch.inference_mode():
        ((expected, tokens),) = network.forward_intermediates(
            images, indices=[last], norm=True, return_prefix_tokens=True, intermediates_only=True
        ) if network.num_prefix_tokens else [
            (network.forward_intermediates(images, indices=[last], norm=True, intermediates_only=True)[0], None)
        ]  # fmt: skip
        assert expected.shape == (2, backbone.out_channels, 3, 5)
        for train_from in ("all", "embed", "blocks_0", "blocks_1", backbone.stages[-1], "none"):
            backbone.set_train_from(train_from)
            activations = backbone.frozen(images)
            kept = activations.clone()
            torch.testing.assert_close(backbone.trainable(activations), expected, rtol=1e-4, atol=1e-5)
            assert torch.equal(activations, kept)
            if kind is ClassTokenBackbone:
                features, token = backbone.trainable_with_token(activations)
                torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)
                torch.testing.assert_close(token, tokens[:, 0], rtol=1e-4, atol=1e-5)
                torch.testing.assert_close(backbone.forward_with_token(images)[1], token)
    assert hasattr(backbone, "forward_with_token") == (kind is ClassTokenBackbone)


def test_a_transformer_cut_at_a_block_without_the_final_norm():
    backbone = build_timm(model="vit_tiny_patch16_224", weights="none", cut="blocks_2", final_norm=False).eval()
    assert backbone.stages == ("embed", "blocks_0", "blocks_1", "blocks_2")
    network = reference("vit_tiny_patch16_224", backbone, dynamic_img_size=True)
    images = image(32, 48)
    with torch.inference_mode():
        expected = network.forward_intermediates(images, indices=[2], norm=False, intermediates_only=True)[0]
        torch.testing.assert_close(backbone(images), expected)
    by_index = build_timm(model="vit_tiny_patch16_224", weights="none", cut=2)
    assert by_index.stages == backbone.stages
    assert by_index.layers["blocks_2"].norm is not None
    assert not any("head" in name or "blocks_3" in name for name in by_index.state_dict())


def test_a_transformer_trains_above_the_split_only():
    backbone = build_timm(model="vit_tiny_patch16_224", weights="none", cut=3, train_from="blocks_2").train()
    features, token = backbone.forward_with_token(image(32, 48))
    (features.square().mean() + token.square().mean()).backward()
    trained = {name.split(".")[1] for name, parameter in backbone.named_parameters() if parameter.grad is not None}
    assert trained == {"blocks_2", "blocks_3"}
    assert all(
        (parameter.grad is not None) == parameter.requires_grad == (name.split(".")[1] in trained)
        for name, parameter in backbone.named_parameters()
    )


@pytest.mark.parametrize("width", [1, 2, 3, 7])
def test_packed_tokens_of_narrow_images(width):
    """Five prefix tokens in rows of one, two, three or seven patches."""
    backbone = build_timm(model="vit_small_patch14_reg4_dinov2", weights="none", cut=0).eval()
    images = image(28, 14 * width)
    with torch.inference_mode():
        expected = backbone(images)
        backbone.set_train_from("blocks_0")
        packed = backbone.frozen(images)
        torch.testing.assert_close(backbone.trainable(packed), expected)
    assert packed.shape == (2, -(-5 // width) + 2, width, 384)


@pytest.mark.parametrize("train_from", ["all", "blocks_0"])
def test_a_transformer_is_exported_with_open_batch_and_size(train_from):
    """A length of a tensor that is asked for as a number of Python is built in."""
    backbone = build_timm(model="test_vit", weights="none", cut="blocks_0", train_from=train_from).eval()
    dims = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    with torch.no_grad():
        program = torch.export.export(backbone, (torch.rand(2, 3, 64, 96),), dynamic_shapes=(dims,)).module()
        for shape in [(1, 3, 96, 64), (3, 3, 160, 160), (5, 3, 32, 48)]:
            images = torch.rand(shape)
            torch.testing.assert_close(program(images), backbone(images))


def test_normalization_of_the_weights():
    assert build_timm(model="mobilenetv1_100", weights="none", cut=0).mean == (0.5, 0.5, 0.5)
    assert build_timm(model="resnet18", weights="none", cut=0).std == (0.229, 0.224, 0.225)


def test_options_of_weights_from_tensorflow():
    backbone = build_timm(model="mobilenetv1_100", weights="none", cut=1, padding="same", batch_norm_eps=1e-3)
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    assert {module.eps for module in norms} == {1e-3}
    with torch.inference_mode():
        plain = build_timm(model="mobilenetv1_100", weights="none", cut=1, batch_norm_eps=1e-3).eval()
        assert not torch.allclose(backbone.eval()(image(64, 64)), plain(image(64, 64)))
    with pytest.raises(ValueError, match="padding and batch_norm_eps are not options of timm's 'resnet18'"):
        build_timm(model="resnet18", weights="none", padding="same")


def test_the_seed_decides_and_the_global_generator_is_untouched():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, again, other = (build_timm(model="resnet18", weights="none", cut=1, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    name = "layers.layer1.1.0.conv1.weight"
    assert torch.equal(first.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(first.state_dict()[name], other.state_dict()[name])


def test_weights_from_a_file_and_their_record(tmp_path):
    network = timm.create_model("convnext_atto", pretrained=False)
    with torch.no_grad():
        network.stem[0].bias.fill_(0.5)
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    backbone = build_timm(model="convnext_atto", weights=tmp_path / "w.safetensors", cut=1)
    assert backbone.batch_norm == "frozen"
    assert backbone.origin.kind == "file"
    assert len(backbone.origin.sha256) == 64
    assert any(name.startswith("head.") for name in backbone.origin.ignored)
    state = backbone.state_dict()
    assert all(torch.equal(state[own], network.state_dict()[source]) for own, source in backbone.source_names.items())


def test_the_original_authors_names_are_converted(tmp_path):
    """DINOv2's own file: timm renames its tensors and drops the mask token."""
    network = timm.create_model("vit_small_patch14_dinov2", pretrained=False)
    state = network.state_dict()
    renamed = {"mask_token": torch.zeros(1, 384)}
    for name, value in state.items():
        renamed[f"teacher.backbone.{name}"] = value
    torch.save(renamed, tmp_path / "w.pth")
    backbone = build_timm(model="vit_small_patch14_dinov2", weights=tmp_path / "w.pth", cut=1)
    assert torch.equal(backbone.state_dict()["layers.blocks_1.block.mlp.fc1.weight"], state["blocks.1.mlp.fc1.weight"])


def test_published_weights_through_the_hub(tmp_path, monkeypatch):
    network = timm.create_model("convnext_atto", pretrained=False)
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    asked = []

    def give(repository, file, revision):
        asked.append((repository, file))
        return str(tmp_path / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", give)
    backbone = build_timm(model="convnext_atto.d2_in1k", cut=0)
    assert asked == [("timm/convnext_atto.d2_in1k", "model.safetensors")]
    assert backbone.origin.kind == "imagenet"


def test_published_weights_without_a_network_say_what_to_do(monkeypatch):
    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    with pytest.raises(ConnectionError, match=r"of convnext_atto cannot be downloaded .*no route.*weights: <path to"):
        build_timm(model="convnext_atto")
    with pytest.raises(ValueError, match="timm publishes no weights of 'x'; say weights: none"):
        download.fetch_timm("x", {})


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="model must be one of timm's, got 'resnet81'; did you mean 'resnet"):
        build_timm(model="resnet81", weights="none")
    with pytest.raises(ValueError, match=r"cut must be one of the stages act1, layer1, .* index from 0 to 4, got 'lay"):
        build_timm(model="resnet18", weights="none", cut="layer9")
    with pytest.raises(ValueError, match=r"train_from must be .* blocks_7, got 'blocks_8'"):
        build_timm(model="vit_tiny_patch16_224", weights="none", cut=7, train_from="blocks_8")
    with pytest.raises(ValueError, match="got 12"):
        build_timm(model="vit_tiny_patch16_224", weights="none", cut=12)
    with pytest.raises(ValueError, match="final_norm must stay true for 'resnet18'"):
        build_timm(model="resnet18", weights="none", final_norm=False)
    backbone = build_timm(model="vit_tiny_patch16_224", weights="none", cut=0)
    with pytest.raises(ValueError, match="multiples of the patch, 16 pixels, got 33 x 47; resize them to 32 x 48"):
        backbone(image(33, 47))


@pytest.mark.shared
def test_real_mobilenet_trunk(shared_data: Path):
    file = shared_data / "weights" / "mobilenetv1_100_trunk" / "mobilenetv1_100_trunk_pw12.pth"
    options = {"padding": "same", "batch_norm_eps": 1e-3}
    backbone = build_timm(model="mobilenetv1_100", weights=file, cut="blocks_3", **options).eval()
    assert backbone.origin.ignored
    assert all(name.startswith("blocks.4.0.") for name in backbone.origin.ignored)
    network = timm.create_model("mobilenetv1_100", pretrained=False, pad_type="same", bn_eps=1e-3).eval()
    network.load_state_dict(torch.load(file, weights_only=True), strict=False)
    with torch.inference_mode():
        expected = network.forward_intermediates(image(96, 128), indices=[3], intermediates_only=True)[0]
        torch.testing.assert_close(backbone(image(96, 128)), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"tensors are missing \(blocks.4.1.* set cut: blocks_3"):
        build_timm(model="mobilenetv1_100", weights=file, cut="blocks_4", **options)
