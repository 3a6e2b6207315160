"""Checkouts with the entry points of the published networks, small and with made-up weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HUBCONF = """
dependencies = ["torch"]

import torch
from network import Net, FACTOR


def get_trained_model(backbone="ResNet50", fc_output_dim=2048):
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
