from __future__ import annotations

import subprocess
import sys

import pytest


def test_importing_the_library_needs_neither_a_host_nor_the_compiler() -> None:
    code = (
        "import sys, torch; from vpr_pooling import VLAD, GeM, NetVLAD\n"
        "for kind in (NetVLAD, VLAD, GeM):\n"
        "    kind(in_channels=4)(torch.rand(1, 4, 2, 3))\n"
        "with torch.autocast('cpu', dtype=torch.bfloat16):\n"
        "    NetVLAD(in_channels=4)(torch.rand(1, 4, 2, 3, requires_grad=True)).sum().backward()\n"
        "costly = ('pluggy', 'pydantic', 'vpr_core', 'torch._dynamo', 'sympy')\n"
        "sys.exit(', '.join(name for name in costly if name in sys.modules) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore:Failed to initialize NumPy:UserWarning", "-c", code],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_plugin_does_not_import_torch() -> None:
    pytest.importorskip("vpr_core")
    code = "import sys, vpr_pooling.plugin as p; list(p.vpr_poolings()); sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-W", "ignore:Failed to initialize NumPy:UserWarning", "-c", code], check=False
        ).returncode
        == 0
    )


@pytest.mark.parametrize(
    ("name", "fields", "channels", "dimension"),
    [
        ("netvlad", {"num_clusters": 8, "form": "v2", "normalize_input": False}, 16, 128),
        ("vlad", {"num_clusters": 4}, 16, 64),
        ("gem", {"p": 2.0, "per_channel": True}, 16, 16),
        ("max", {}, 16, 16),
        ("avg", {"normalize_input": True}, 16, 16),
    ],
)
def test_specs_build_what_they_say(name: str, fields: dict[str, object], channels: int, dimension: int) -> None:
    pytest.importorskip("vpr_core")
    import torch

    from vpr_core.types import FeatureSpec
    from vpr_pooling.plugin import vpr_poolings

    specs = {spec.name: spec for spec in vpr_poolings()}
    assert set(specs) == {"netvlad", "vlad", "gem", "max", "avg"}
    spec = specs[name]
    layer = spec.build(spec.config(**fields), FeatureSpec(channels=channels, stride=16))
    assert layer.out_dim == dimension
    assert layer(torch.rand(2, channels, 3, 4)).shape == (2, dimension)


def test_every_field_reaches_the_layer() -> None:
    pytest.importorskip("vpr_core")
    from vpr_core.types import FeatureSpec
    from vpr_pooling.plugin import vpr_poolings

    specs = {spec.name: spec for spec in vpr_poolings()}
    features = FeatureSpec(channels=3, stride=16)

    def made(name: str, **fields: object) -> str:
        layer = specs[name].build(specs[name].config(**fields), features)
        shapes = {key: tuple(value.shape) for key, value in layer.state_dict().items()}
        trained = [parameter.requires_grad for parameter in layer.parameters()]
        return f"{layer!r} {shapes} {trained}"

    changes: dict[str, dict[str, object]] = {
        "netvlad": {"num_clusters": 3, "form": "v2", "intra_normalize": False},
        "vlad": {"num_clusters": 3, "normalize_input": False, "intra_normalize": False},
        "gem": {"p": 2.0, "eps": 1e-3, "per_channel": True, "trainable": False, "normalize_input": True},
        "max": {"normalize_input": True},
        "avg": {"normalize_input": True},
    }
    for name, fields in changes.items():
        for field, value in fields.items():
            assert made(name, **{field: value}) != made(name), f"{name}.{field} changes nothing"
    assert made("netvlad", form="v2", normalize_input=False) != made("netvlad", form="v2")


def test_v1_without_input_normalisation_is_refused_when_the_config_is_read() -> None:
    pytest.importorskip("vpr_core")
    from pydantic import ValidationError

    from vpr_pooling.plugin import NetVLADConfig

    with pytest.raises(ValidationError, match="use form: v2"):
        NetVLADConfig(form="v1", normalize_input=False)
    with pytest.raises(ValidationError, match="less than or equal to 16384"):
        NetVLADConfig(num_clusters=10**9)
