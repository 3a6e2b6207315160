"""Checkouts with the entry points of the published networks, small and with made-up weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HUBCONF = r"""
dependencies = ["torch"]

import torch
from network import Net, FACTOR


def get_trained_model(backbone="ResNet50", fc_output_dim=8448):
    print("Returning a model")
    return Net(fc_output_dim, len(backbone))


def another_model(fc_output_dim=2048):
    return Net(fc_output_dim, 5)


def dinov2_salad(backbone="dinov2_vitb14", pretrained=True):
    assert pretrained, "Parameter `pretrained` must be True"
    return Net(8448, 1)


class WithAttention(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x), [torch.zeros(1)]


def get_trained_boq(backbone_name="resnet50", output_dim=16384):
    if output_dim not in {"resnet50": [16384], "dinov2": [12288]}[backbone_name]:
        raise ValueError("output_dim")
    return WithAttention(Net(output_dim, len(backbone_name)))


def dinov2_vitb14(pretrained=True):
    assert not pretrained
    return Tokens()


class Tokens(torch.nn.Module):
    # a patch embedding in DINOv2's interface
    def __init__(self):
        super().__init__()
        self.proj = torch.nn.Conv2d(3, 768, 14, stride=14)

    def forward_features(self, x):
        return {"x_norm_patchtokens": self.proj(x).flatten(2).transpose(1, 2)}


class AnyLoc(torch.nn.Module):
    # keeps its parts as plain attributes and overrides `to`, which returns nothing
    def __init__(self, domain, device):
        super().__init__()
        self.device = torch.device(device)
        self.parts = [Net(49152, len(domain)).eval()]

    def to(self, device):
        self.device = torch.device(device)

    def forward(self, x):
        assert x.shape[2] % 14 == x.shape[3] % 14 == 0
        return self.parts[0](x.to(self.device))


def get_vlad_model(backbone="DINOv2", vit_model="ViT-G/14", vit_layer=31, vit_facet="Value", num_c=32,
                   domain="indoor", device="cpu"):
    if (backbone, vit_model, vit_layer, vit_facet, num_c) != ("DINOv2", "ViT-G/14", 31, "Value", 32):
        raise ValueError("Cluster centers not found!")
    return AnyLoc(domain, device)


class AcrossImages(torch.nn.Module):
    # CricaVPR: what an image gets depends on the others of its batch
    def __init__(self):
        super().__init__()
        self.net = Net(10752, 6)

    def forward(self, x):
        assert tuple(x.shape[2:]) == (224, 224)
        rows = self.net(x)
        return rows + rows.mean(dim=0, keepdim=True) * rows.shape[0]


def trained_model():
    return torch.nn.DataParallel(AcrossImages())


def EDTformer():
    return torch.nn.DataParallel(Net(4096, 7))


def ImAge(training_set="Merged", **more):
    return torch.nn.DataParallel(Net(6144, len(training_set)))


class Hashing(torch.nn.Module):
    def __init__(self, floats, kind, hashing):
        super().__init__()
        self.floats, self.bits, self.hashing = Net(floats, kind), Net(512, kind), hashing

    def forward(self, x):
        assert x.shape[2] == x.shape[3]
        if not self.hashing:
            return self.floats(x)
        z = self.bits(x)
        return z, torch.where(z >= 0, 1.0, -1.0), self.floats(x)


def SelaVPRplusplus(**more):
    assert more["aggregation"] == "gem"
    assert more["hashing"] == more["rerank"], "there are no weights"
    floats = {"dinov2-large": 4096, "dinov2-base": 2048}[more["backbone"]]
    return torch.nn.DataParallel(Hashing(floats, len(more["backbone"]), more["hashing"]))


def vgg16_netvlad(pretrained=False):
    return Net(4096, 8 if pretrained else 9)


def fails():
    raise RuntimeError("Error(s) in loading state_dict for Net:\n\tsize mismatch")


def parses_arguments():
    import argparse

    argparse.ArgumentParser().parse_args()
    return Net(8, 1)


def exits():
    raise SystemExit(3)


def a_map():
    return torch.nn.Conv2d(3, 4, 3)


def no_module():
    return 3


def needs_more():
    import a_package_that_nobody_has
"""
NETWORK = """
import torch
from torch import nn

FACTOR = {factor}


class Net(nn.Module):
    \"\"\"Colour statistics, mixed by fixed weights: convolution, batch norm, mean, linear, unit length.\"\"\"

    def __init__(self, dim, kind):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.Linear(6, dim)
        with torch.no_grad():
            for number, parameter in enumerate(self.parameters()):
                wave = torch.arange(parameter.numel()).mul(FACTOR + kind / 7 + number).sin()
                parameter.copy_(wave.view_as(parameter))
        self.conv.bias.requires_grad_(False)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x))).mean(dim=(2, 3))
        return torch.nn.functional.normalize(self.fc(x), dim=1)
"""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """Return a function that writes a checkout with weights of its own."""

    def write(factor: float) -> Path:
        folder = tmp_path_factory.mktemp("checkout")
        (folder / "hubconf.py").write_text(HUBCONF)
        (folder / "network.py").write_text(NETWORK.format(factor=factor))
        return folder

    return write


@pytest.fixture(scope="session")
def folder(checkout: Callable[[float], Path]) -> Path:
    return checkout(0.5)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever asks the network fails the test."""
    import socket

    def refuse(*arguments: object, **settings: object) -> None:
        raise AssertionError(f"asked the network: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
