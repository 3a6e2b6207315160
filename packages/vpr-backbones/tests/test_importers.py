"""Files as other projects write them, against their own forward passes restated in float64, loop by loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision.models
from torch import Tensor, nn

from vpr_backbones import read_retriever
from vpr_backbones.caffe_alexnet import CaffeAlexNet

K, OUT = 3, 5
IMAGE = torch.rand(1, 3, 67, 83, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0)
CAFFE = ((123.68, 116.779, 103.939), (1.0, 1.0, 1.0), 255.0)


def draw(*shape: int, seed: int = 1, scale: float = 1.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def trunk(network: nn.Module, last: int | None = None) -> nn.Sequential:
    """A chain of children, with weights and statistics that are no defaults."""
    layers = list(network.children())[:last]
    for layer in nn.Sequential(*layers).modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.copy_(draw(layer.num_features, seed=2, scale=0.1))
            layer.running_var.copy_(1 + draw(layer.num_features, seed=3, scale=0.1).abs())
    return nn.Sequential(*layers).eval()


@pytest.fixture(scope="module")
def alexnet() -> nn.Sequential:
    torch.manual_seed(0)
    return trunk(torchvision.models.alexnet(weights=None).features, -2)


@pytest.fixture(scope="module")
def caffe() -> nn.Sequential:
    torch.manual_seed(0)
    return trunk(CaffeAlexNet().features, -2)


@pytest.fixture(scope="module")
def resnet() -> nn.Sequential:
    torch.manual_seed(0)
    return trunk(torchvision.models.resnet18(weights=None), -3)


def features(net: nn.Sequential, mean, std, scale) -> np.ndarray:
    """``(D, N)`` float64 features of the image."""
    image = (IMAGE * scale - torch.tensor(mean).double().view(1, 3, 1, 1)) / torch.tensor(std).double().view(1, 3, 1, 1)
    with torch.no_grad():
        return net.double()(image)[0].flatten(1).numpy()


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.sqrt((values**2).sum())


def vlad(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, centers: np.ndarray, *, intra: bool = True) -> np.ndarray:
    """``V[k, d] = sum_n a_kn (x_dn - c_kd)`` of unit descriptors; ``weight`` and ``centers`` are ``(K, D)``."""
    clusters, channels = centers.shape
    result = np.zeros((clusters, channels))
    for n in range(x.shape[1]):
        descriptor = unit(x[:, n])
        scores = np.array([weight[k] @ descriptor + bias[k] for k in range(clusters)])
        assignment = np.exp(scores - scores.max())
        assignment /= assignment.sum()
        for k in range(clusters):
            result[k] += assignment[k] * (descriptor - centers[k])
    return np.stack([unit(row) for row in result]) if intra else result


def ours(path) -> np.ndarray:
    """The descriptor by the neutral structure, cluster ``k``, channel ``d`` at ``k * D + d``."""
    imported = read_retriever(path)
    backbone = imported.build_backbone()
    assert (backbone.mean, backbone.std, backbone.input_scale) == (imported.mean, imported.std, imported.input_scale)
    assert backbone.frozen_stages == backbone.stages
    x = features(nn.Sequential(backbone), imported.mean, imported.std, imported.input_scale)
    if imported.pooling is None:
        flat = unit(x.max(1) if imported.method == "max" else x.mean(1))
    else:
        pooling = imported.pooling
        zero = np.zeros(len(pooling.centroids))
        bias = zero if pooling.assignment_bias is None else pooling.assignment_bias.double().numpy()
        assert pooling.normalize_input
        parts = vlad(
            x, pooling.assignment_weight.double().numpy(), bias, pooling.centroids.double().numpy(),
            intra=pooling.intra_normalize,
        )  # fmt: skip
        flat = unit(parts.reshape(-1))
    if imported.whitening is None:
        return flat
    weight, bias = (tensor.double().numpy() for tensor in imported.whitening)
    return unit(weight @ flat + bias)


def close(first: np.ndarray, second: np.ndarray) -> None:
    assert first.shape == second.shape
    assert np.abs(first - second).max() < 1e-5


def netvlad_state(prefix: str, channels: int) -> dict[str, Tensor]:
    return {
        f"{prefix}.conv.weight": draw(K, channels, 1, 1, seed=4, scale=4.0),
        f"{prefix}.centroids": draw(K, channels, seed=5, scale=0.1),
    }


def expected(net: nn.Sequential, normalization, state: dict[str, Tensor], prefix: str) -> np.ndarray:
    """K-major flat descriptor of a PyTorch project."""
    bias = state.get(f"{prefix}.conv.bias", torch.zeros(K)).double().numpy()
    weight = state[f"{prefix}.conv.weight"].flatten(1).double().numpy()
    centers = state[f"{prefix}.centroids"].double().numpy()
    return unit(vlad(features(net, *normalization), weight, bias, centers).reshape(-1))


@pytest.mark.parametrize("wrapper", ["", "module."])
@pytest.mark.parametrize("with_bias", [False, True])
def test_pytorch_netvlad(tmp_path, alexnet, wrapper, with_bias):
    state = netvlad_state("pool", 256)
    if with_bias:
        state["pool.conv.bias"] = draw(K, seed=6)
    named = {f"encoder.{wrapper}{name}": value.float() for name, value in alexnet.state_dict().items()}
    named |= {name.replace("pool.", f"pool.{wrapper}"): value for name, value in state.items()}
    beside = {"epoch": 3, "best_score": np.float64(0.8), "recalls": {1: np.float64(0.8)}, "parallel": False}
    torch.save({"state_dict": named, **beside}, tmp_path / "x.pth.tar")
    close(ours(tmp_path / "x.pth.tar"), expected(alexnet, IMAGENET, state, "pool"))
    imported = read_retriever(tmp_path / "x.pth.tar")
    assert (imported.network, imported.cut) == ("alexnet", "conv5")
    assert imported.pooling.form == ("v2" if with_bias else "v1")
    assert imported.whitening is None
    assert len(imported.sha256) == 64


@pytest.mark.parametrize("project", ["patch", "openibl"])
def test_patch_netvlad_and_openibl_with_whitening(tmp_path, alexnet, project):
    pool, base, white = {
        "patch": ("pool", "encoder", "WPCA.0"),
        "openibl": ("net_vlad", "base_model.base", "pca_layer"),
    }[project]
    mean = (0.48501960784313836, 0.4579568627450961, 0.4076039215686255)
    normalization = IMAGENET if project == "patch" else (mean, (1 / 255, 1 / 255, 1 / 255), 1.0)
    state = netvlad_state(pool, 256)
    weight, bias = draw(OUT, K * 256, 1, 1, seed=7), draw(OUT, seed=8, scale=0.1)
    named = {f"{base}.{name}": value.float() for name, value in alexnet.state_dict().items()} | state
    named |= {f"{white}.weight": weight, f"{white}.bias": bias}
    torch.save({"state_dict": named} if project == "patch" else named, tmp_path / "x.pth")
    flat = expected(alexnet, normalization, state, pool)
    close(ours(tmp_path / "x.pth"), unit(weight.flatten(1).double().numpy() @ flat + bias.double().numpy()))


def test_the_geo_localization_benchmark_with_a_resnet(tmp_path, resnet):
    state = netvlad_state("aggregation", 256)
    named = {f"module.backbone.{name}": value for name, value in resnet.float().state_dict().items()}
    named |= {f"module.{name}": value for name, value in state.items()}
    beside = {"epoch_num": 1, "recalls": np.array([50.0, 60.0]), "best_r5": np.float64(60.0)}
    torch.save({"model_state_dict": named, **beside}, tmp_path / "x.pth")
    close(ours(tmp_path / "x.pth"), expected(resnet, IMAGENET, state, "aggregation"))
    imported = read_retriever(tmp_path / "x.pth")
    assert (imported.network, imported.cut) == ("resnet18", "layer3")
    resnet.float()


def test_hloc(tmp_path, alexnet):
    """Scores by a Conv1d, centres D x K, flat index d * K + k."""
    scores, centers = draw(K, 256, 1, seed=4, scale=4.0), draw(256, K, seed=5, scale=0.1)
    weight, bias = draw(OUT, 256 * K, seed=7), draw(OUT, seed=8, scale=0.1)
    named = {f"backbone.{name}": value.float() for name, value in alexnet.state_dict().items()}
    named |= {"netvlad.score_proj.weight": scores, "netvlad.centers": centers}
    named |= {"whiten.weight": weight, "whiten.bias": bias}
    torch.save(named, tmp_path / "x.pth")
    parts = vlad(features(alexnet, *CAFFE), scores[:, :, 0].double().numpy(), np.zeros(K), centers.T.double().numpy())
    flat = unit(np.array([parts[k, d] for d in range(256) for k in range(K)]))
    close(ours(tmp_path / "x.pth"), unit(weight.double().numpy() @ flat + bias.double().numpy()))


def matlab_network(path, net: nn.Sequential, *, version: int, white: bool, core: str = "vlad", big_mean: bool = False):
    """Write a network as the authors' code keeps it (layers as structs); return what is needed to run it."""
    io = pytest.importorskip("scipy.io", reason="scipy is not installed (extra matlab)")
    layers: list[dict] = []
    for index, layer in enumerate(net):
        if isinstance(layer, nn.Conv2d):
            weight = layer.weight.detach().float().permute(2, 3, 1, 0).numpy()
            arrays = cell(weight, layer.bias.detach().float().numpy()[None])
            layers.append({"type": "conv", "name": f"conv{index}", "weights": arrays})
        elif isinstance(layer, nn.LocalResponseNorm):
            layers.append({"type": "normalize", "name": f"norm{index}", "param": [5, 1, 2e-5, 0.75]})
        else:
            layers.append({"type": "relu" if isinstance(layer, nn.ReLU) else "pool", "name": f"other{index}"})
    assignment, bias = draw(256, K, seed=4, scale=4.0).numpy(), draw(1, K, seed=6).numpy()
    minus_centers = draw(256, K, seed=5, scale=0.1).numpy()
    if core == "vlad":
        layers.append({"type": "normalize", "name": "preL2", "param": [512, 1e-12, 1, 0.5]})
        if version == 1:
            arrays = cell(assignment, minus_centers)
        else:
            arrays = cell(assignment[None, None], bias, minus_centers[None, None])
        layers.append({"type": "custom", "name": "vlad:core", "weights": arrays})
        layers.append({"type": "normalize", "name": "vlad:intranorm", "param": [512, 1e-12, 1, 0.5]})
    else:
        layers.append({"type": "custom", "name": f"{core}:core"})
    layers.append({"type": "custom", "name": "postL2"})
    size = 256 * K if core == "vlad" else 256
    weight, shift = draw(1, 1, size, OUT, seed=7).numpy(), draw(1, OUT, seed=8, scale=0.1).numpy()
    if white:
        layers.append({"type": "conv", "name": "WPCA", "weights": cell(weight, shift)})
        layers.append({"type": "custom", "name": "finalL2"})
    mean = np.array([123.0, 117.0, 104.0]).reshape(1, 1, 3)
    if big_mean:
        mean = np.concatenate([mean, mean + 9], axis=1)
    net_struct = {"layers": cell(*layers), "meta": {"normalization": {"averageImage": mean}}}
    io.savemat(path, {"net": net_struct})
    used_bias = bias[0] if version == 2 else np.zeros(K)
    return assignment, used_bias, minus_centers, weight[0, 0], shift[0]


def cell(*values) -> np.ndarray:
    """A MATLAB cell array."""
    array = np.empty((1, len(values)), dtype=object)
    for index, value in enumerate(values):
        array[0, index] = value
    return array


@pytest.mark.parametrize(
    ("version", "white", "trunk_name"), [(1, True, "caffe"), (1, False, "alexnet"), (2, True, "caffe")]
)
def test_the_authors_matlab_networks(tmp_path, request, version, white, trunk_name):
    net = request.getfixturevalue(trunk_name)
    path = tmp_path / "net.mat"
    assignment, bias, minus_centers, weight, shift = matlab_network(path, net, version=version, white=white)
    x = features(net, (123.0, 117.0, 104.0), (1.0, 1.0, 1.0), 255.0)
    parts = vlad(x, assignment.T.astype(float), bias.astype(float), -minus_centers.T.astype(float))
    by_matlab = unit(parts.reshape(-1, order="F"))  # a K x D array, column after column
    if white:
        close(ours(path), unit(weight.T.astype(float) @ by_matlab + shift))
    else:
        close(ours(path).reshape(K, 256).reshape(-1, order="F"), by_matlab)
    imported = read_retriever(path)
    assert imported.network == ("caffe_alexnet" if trunk_name == "caffe" else "alexnet")
    assert imported.cut == "conv5"
    assert imported.pooling.form == f"v{version}"
    assert imported.pooling.intra_normalize


@pytest.mark.parametrize("core", ["max", "avg"])
def test_matlab_networks_with_other_pooling_and_a_whole_mean_image(tmp_path, caffe, core):
    path = tmp_path / "net.mat"
    *_, weight, shift = matlab_network(path, caffe, version=1, white=True, core=core, big_mean=True)
    x = features(caffe, (123.0, 117.0, 104.0), (1.0, 1.0, 1.0), 255.0)
    flat = unit(x.max(1) if core == "max" else x.mean(1))
    close(ours(path), unit(weight.T.astype(float) @ flat + shift))
    assert read_retriever(path).method == core


def test_matlab_files_that_are_no_networks(tmp_path):
    io = pytest.importorskip("scipy.io")
    io.savemat(tmp_path / "other.mat", {"dbStruct": 1})
    with pytest.raises(ValueError, match=r"other\.mat must hold the variable net, it has: dbStruct\. .*MATLAB objects"):
        read_retriever(tmp_path / "other.mat")
    io.savemat(tmp_path / "empty.mat", {"net": {"layers": cell({"type": "relu", "name": "r"})}})
    with pytest.raises(ValueError, match="is no NetVLAD network: it needs convolutions and a layer named vlad:core"):
        read_retriever(tmp_path / "empty.mat")
    whole = (tmp_path / "other.mat").read_bytes()
    (tmp_path / "hdf.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x00" * 64)
    with pytest.raises(ValueError, match=r"is a MATLAB 7\.3 \(HDF5\) file; save it again"):
        read_retriever(tmp_path / "hdf.mat")
    (tmp_path / "cut.mat").write_bytes(whole[:140])
    with pytest.raises(ValueError, match="cannot be read as a MATLAB file"):
        read_retriever(tmp_path / "cut.mat")


def test_checkpoints_that_are_no_netvlad(tmp_path, alexnet):
    base = {f"encoder.{name}": value.float() for name, value in alexnet.state_dict().items()}
    netvlad = netvlad_state("pool", 256)

    def refused(state, match):
        torch.save(state, tmp_path / "x.pth")
        with pytest.raises(ValueError, match=match):
            read_retriever(tmp_path / "x.pth")

    refused(
        base, r"holds no NetVLAD network of a project known here \(.*OpenIBL: net_vlad.centroids.*For a trunk alone"
    )
    refused(base | {"pool.centroids": draw(K, 256)}, "looks like pytorch-NetVlad or Patch-NetVLAD but lacks pool.conv")
    refused(
        base | netvlad | {"pool.extra.weight": draw(1)}, r"layers that a NetVLAD network does not have: pool\.extra"
    )
    refused(
        {**base, "encoder.0.weight": draw(8, 3, 3, 3)} | netvlad, "trunk of this pytorch-NetVlad.* is none of vgg16"
    )
    half = {key: value for key, value in base.items() if key != "encoder.3.bias"}
    refused(half | netvlad, "is none of vgg16")
    refused(base | netvlad | {"WPCA.0.weight": draw(2, 5, 1, 1), "WPCA.0.bias": draw(2)}, "must have 3 x 256 columns")
    refused(base | netvlad | {"WPCA.0.weight": draw(2, 768, 1, 1)}, r"only one of WPCA\.0\.weight and WPCA\.0\.bias")
    refused(base | netvlad | {"pool.centroids": draw(K, 200)}, "centroids must have the shape of assignment_weight")


def test_caffes_alexnet_of_the_paper():
    from vpr_backbones import build_torchvision

    backbone = build_torchvision(name="caffe_alexnet", weights="none", train_from="conv2").eval()
    assert sum(parameter.numel() for parameter in backbone.parameters()) == 2_334_080
    assert (backbone.out_channels, backbone.stride, backbone.input_scale) == (256, 16, 255.0)
    assert backbone.frozen_stages == ("conv1",)
    images = torch.rand(1, 3, 227, 227)
    with torch.inference_mode():
        assert backbone.frozen(images).shape == (1, 96, 27, 27)
        assert backbone(images).shape == (1, 256, 13, 13)
        assert (backbone(images) < 0).any()
    with pytest.raises(ValueError, match=r"nobody publishes weights of caffe_alexnet .* give a file"):
        build_torchvision(name="caffe_alexnet")
