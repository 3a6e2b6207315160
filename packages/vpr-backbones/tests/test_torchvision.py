"""Every network of the table against torchvision's own forward pass."""

from __future__ import annotations

import functools

import pytest
import torch
import torchvision.models
from torch import Tensor, nn

from vpr_backbones import NORMALIZATIONS, build_torchvision
from vpr_backbones.table import NETWORKS as ALL

SIZE = (65, 98)
NETWORKS = {name: network for name, network in ALL.items() if network.library == "torchvision"}
COMPUTED = [
    name
    for name in NETWORKS
    if name.startswith(("alexnet", "vgg", "squeezenet", "mobilenet"))
    or name in ("resnet18", "resnet50", "efficientnet_b0", "convnext_tiny")
]
"""One of each row of the table; the larger siblings in the same row are compared by names and shapes."""


@functools.cache
def built(name: str):
    """The network with random weights whose batch normalisations are no identities, cut at its last stage."""
    backbone = build_torchvision(name=name, weights="none", cut=NETWORKS[name].stage_names[-1], seed=5)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(0.5, 1.5, generator=generator)
    return backbone.eval()


@functools.cache
def image() -> Tensor:
    return torch.randn(1, 3, *SIZE, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True, scope="module")
def free_memory():
    yield
    built.cache_clear()


# What torchvision's own code computes up to the end of the features: an independent restatement of the chain.
def whole(name: str, model: nn.Module, x: Tensor) -> Tensor:
    if name.startswith(("resnet", "resnext", "wide_resnet")):
        x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
        return model.layer4(model.layer3(model.layer2(model.layer1(x))))
    features = model.features
    return (features[:-2] if name.startswith(("vgg", "alexnet")) else features)(x)


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - set(COMPUTED)))
def test_every_tensor_of_a_sibling_has_its_stage(name):
    with torch.device("meta"):
        backbone = build_torchvision(name=name, weights="none", cut=NETWORKS[name].stage_names[-1])
        model = torchvision.models.get_model(name, weights=None)
    head = {tensor for tensor in model.state_dict() if tensor.startswith(("classifier.", "fc."))}
    assert backbone.ignored_names == head
    assert list(backbone.source_names.values()) == [tensor for tensor in model.state_dict() if tensor not in head]
    assert backbone.stride == 32


@pytest.mark.parametrize("name", COMPUTED)
def test_the_stages_are_the_network(name):
    backbone = built(name)
    state = {source: backbone.state_dict()[own] for own, source in backbone.source_names.items()}
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None)
    model.load_state_dict(state, strict=False, assign=True)
    with torch.inference_mode():
        expected = whole(name, model.eval(), image())
        torch.testing.assert_close(backbone(image()), expected, rtol=1e-5, atol=1e-5)
    assert set(model.state_dict()) == set(state) | backbone.ignored_names


@pytest.mark.parametrize("name", COMPUTED)
def test_each_stage_can_be_the_cut_and_the_split(name):
    """Walk through the stages once; at each: gradients, shapes, stride, frozen and trainable part."""
    backbone = built(name)
    for stage in backbone.stages:
        backbone.set_train_from(stage)
        expected = {own: own.split(".")[1] in backbone.trainable_stages for own, _ in backbone.named_parameters()}
        if backbone.batch_norm == "frozen":
            pytest.fail("random weights must train their batch normalisations")
        assert {own: parameter.requires_grad for own, parameter in backbone.named_parameters()} == expected
        assert backbone.frozen_stages == backbone.stages[: backbone.stages.index(stage)]
    with torch.inference_mode():
        whole_map = backbone(image())
        activations = backbone.frozen(image())
        kept = activations.clone()
        torch.testing.assert_close(backbone.trainable(activations), whole_map)
        assert torch.equal(activations, kept), "trainable wrote to its input"
    assert whole_map.shape[1] == backbone.out_channels
    assert all(abs(side / backbone.stride - cells) <= 2 for side, cells in zip(SIZE, whole_map.shape[2:], strict=True))


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "resnet18", "squeezenet1_1", "mobilenet_v3_small"])
def test_gradients_reach_exactly_the_trained_stages(name):
    backbone = build_torchvision(name=name, weights="none", train_from=NETWORKS[name].cut).train()
    backbone(image().repeat(2, 1, 1, 1)).square().mean().backward()
    for own, parameter in backbone.named_parameters():
        assert (parameter.grad is not None) == (own.split(".")[1] == NETWORKS[name].cut), own


@pytest.mark.parametrize(
    ("name", "channels", "parameters"),
    [("alexnet", 256, 2_469_696), ("vgg16", 512, 14_714_688), ("resnet18", 256, 2_782_784)],
)
def test_published_sizes(name, channels, parameters):
    backbone = build_torchvision(name=name, weights="none")
    assert (backbone.out_channels, backbone.stride) == (channels, 16)
    assert sum(parameter.numel() for parameter in backbone.parameters()) == parameters
    assert not any(parameter.is_meta for parameter in backbone.parameters())


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "vgg11_bn"])
def test_cut_before_the_last_relu_and_pooling(name):
    for cut in NETWORKS[name].stage_names:
        backbone = build_torchvision(name=name, weights="none", cut=cut).eval()
        with torch.inference_mode():
            features = backbone(image())
        assert (features < 0).any(), cut
        last = list(backbone.layers[cut].modules())[-1]
        assert isinstance(last, nn.Conv2d | nn.BatchNorm2d)


def test_vgg16_map_of_the_paper():
    """640x480: 30 x 40 = 1200 locations (section 1.5 of the fact sheet); below conv5 after the pooling."""
    backbone = build_torchvision(name="vgg16", weights="none", train_from="conv5").to("meta").eval()
    images = torch.empty(1, 3, 480, 640, device="meta")
    assert backbone(images).shape == (1, 512, 30, 40)
    assert backbone.frozen(images).shape == (1, 512, 30, 40)


def test_the_seed_decides_and_the_global_generator_is_untouched():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, again, other = (build_torchvision(name="squeezenet1_1", weights="none", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    name = "layers.conv1.0.weight"
    assert torch.equal(first.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(first.state_dict()[name], other.state_dict()[name])


def test_normalization_and_batch_norm_defaults():
    backbone = build_torchvision(name="resnet18", weights="none", cut="layer1")
    assert (backbone.mean, backbone.input_scale) == ((0.485, 0.456, 0.406), 1.0)
    assert backbone.batch_norm == "train"
    assert backbone.origin.kind == "none"
    again = build_torchvision(
        name="resnet18", weights=backbone.state_dict(), cut="layer1", normalization=NORMALIZATIONS["caffe"]
    )
    assert again.batch_norm == "frozen"
    assert (again.std, again.input_scale) == ((1.0, 1.0, 1.0), 255.0)
    assert again.origin.kind == "tensors"
    assert build_torchvision(name="resnet18", weights="none", batch_norm="frozen").batch_norm == "frozen"


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"name must be one of alexnet, .*, got 'vgg17'"):
        build_torchvision(name="vgg17", weights="none")
    with pytest.raises(ValueError, match=r"cut must be one of the stages conv1, layer1, .*, layer4, got 'x'"):
        build_torchvision(name="resnet18", weights="none", cut="x")
    with pytest.raises(ValueError, match=r"one of the stages conv1, layer1, got 'layer2'"):
        build_torchvision(name="resnet18", weights="none", cut="layer1", train_from="layer2")


def test_imagenet_without_a_network_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def offline(url, path, **_):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(ConnectionError) as caught:
        build_torchvision(name="resnet18")
    message = str(caught.value)
    assert "resnet18-f37072fd.pth" in message
    assert str(tmp_path / "checkpoints") in message
    assert "no route to host" in message
    assert "weights: <path to the file>" in message


def test_imagenet_from_the_cache_is_read_and_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    model = torchvision.models.squeezenet1_1(weights=None)
    with torch.no_grad():
        model.features[0].bias.fill_(0.25)
    url = torchvision.models.SqueezeNet1_1_Weights.IMAGENET1K_V1.url

    def download(asked, path, hash_prefix, progress):
        assert (asked, hash_prefix) == (url, "b8a52dc0")
        torch.save(model.state_dict(), path)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    backbone = build_torchvision(name="squeezenet1_1")
    assert backbone.layers["conv1"][0].bias.eq(0.25).all()
    assert backbone.origin.kind == "imagenet"
    assert len(backbone.origin.sha256) == 64
    assert backbone.origin.ignored == ("classifier.1.weight", "classifier.1.bias")


@pytest.mark.shared
def test_real_resnet18_trunk(shared_data):
    file = shared_data / "weights" / "resnet18_layer3" / "resnet18_to_layer3_bnfolded.pth"
    backbone = build_torchvision(name="resnet18", weights=file, cut="layer3", train_from="layer3")
    assert backbone.origin.ignored == ()
    assert backbone.batch_norm == "frozen"
    model = torchvision.models.resnet18(weights=None)
    model.layer4, model.avgpool, model.fc = nn.Identity(), nn.Identity(), nn.Identity()
    model.load_state_dict(torch.load(file, weights_only=True), strict=True)
    model.eval()
    with torch.inference_mode():
        expected = model.layer3(model.layer2(model.layer1(model.maxpool(model.relu(model.bn1(model.conv1(image())))))))
        torch.testing.assert_close(backbone.train()(image()), expected)
    with pytest.raises(ValueError, match=r"tensors are missing \(layer4.* It covers conv1, .*layer3: set cut: layer3"):
        build_torchvision(name="resnet18", weights=file, cut="layer4")
    with pytest.raises(ValueError, match="does not fit"):
        build_torchvision(name="resnet34", weights=file)
    with pytest.raises(ValueError, match="does not fit"):
        build_torchvision(name="vgg16", weights=file)


@pytest.mark.shared
def test_real_squeezenet(shared_data):
    file = shared_data / "weights" / "squeezenet1_0" / "squeezenet1_0_imagenet_rgb.pth"
    backbone = build_torchvision(name="squeezenet1_0", weights=file).eval()
    model = torchvision.models.squeezenet1_0(weights=None).eval()
    model.load_state_dict(torch.load(file, weights_only=True), strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(backbone(image()), model.features(image()))
    assert backbone.origin.ignored == ("classifier.1.weight", "classifier.1.bias")
