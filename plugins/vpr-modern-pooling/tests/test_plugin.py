from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError

from vpr_core.types import FeatureSpec
from vpr_modern_pooling.plugin import vpr_poolings

SPECS = {spec.name: spec for spec in vpr_poolings()}
FEATURES = FeatureSpec(channels=16, stride=16, map_size=(20, 20), global_token=True)


def test_importing_the_library_needs_neither_a_host_nor_the_compiler() -> None:
    code = (
        "import sys, torch; from vpr_modern_pooling import CRN, RMAC, SALAD, BoQ, ConvAP, salad_from_authors\n"
        "for kind in (CRN, RMAC, BoQ, ConvAP):\n"
        "    kind(in_channels=4)(torch.rand(1, 4, 5, 6))\n"
        "SALAD(in_channels=4, num_clusters=2, token_dim=0)(torch.rand(1, 4, 5, 6))\n"
        "costly = ('pluggy', 'pydantic', 'vpr_core', 'torch._dynamo', 'sympy')\n"
        "sys.exit(', '.join(name for name in costly if name in sys.modules) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_plugin_does_not_import_torch() -> None:
    code = "import sys, vpr_modern_pooling.plugin as p; list(p.vpr_poolings()); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "dimension"),
    [
        ("convap", 2048),
        ("cosplace", 512),
        ("eigenplaces", 2048),
        ("mixvpr", 4096),
        ("salad", 8448),
        ("boq", 16384),
        ("rmac", 16),
        ("crn", 1024),
    ],
)
def test_defaults_give_the_published_dimension(name: str, dimension: int) -> None:
    spec = SPECS[name]
    layer = spec.build(spec.config(), FEATURES)
    assert layer.out_dim == dimension
    assert spec.paper
    inputs = [torch.rand(1, 16, 20, 20)] + ([torch.rand(1, 16)] if name == "salad" else [])
    assert layer(*inputs).shape == (1, dimension)


def test_these_are_all() -> None:
    assert set(SPECS) == {"convap", "cosplace", "eigenplaces", "mixvpr", "salad", "boq", "rmac", "crn"}


def test_mixvpr_takes_its_size_from_the_features() -> None:
    spec = SPECS["mixvpr"]
    layer = spec.build(spec.config(channels=4, depth=1), FeatureSpec(channels=16, stride=16, map_size=(3, 5)))
    assert layer.map_size == (3, 5)
    with pytest.raises(ValueError, match=r"image\.size must be given for mixvpr"):
        spec.build(spec.config(), FeatureSpec(channels=16, stride=16))


def test_salad_without_a_token_or_with_too_small_maps_is_refused_when_built() -> None:
    spec = SPECS["salad"]
    with pytest.raises(ValueError, match=r"pooling\.token_dim must be 0 with a backbone that gives no global token"):
        spec.build(spec.config(), FeatureSpec(channels=16, stride=16))
    with pytest.raises(ValueError, match=r"num_clusters must be less than the 8 x 8 = 64 locations of a map, got 64"):
        spec.build(spec.config(token_dim=0), FeatureSpec(channels=16, stride=16, map_size=(8, 8)))
    layer = spec.build(spec.config(token_dim=0), FeatureSpec(channels=16, stride=16))
    assert not getattr(layer, "uses_global_token")  # noqa: B009  as the runner asks


def test_heads_that_do_not_divide_are_refused_when_the_config_is_read() -> None:
    with pytest.raises(ValidationError, match=r"head_dim \(64\) must divide channels \(100\)"):
        SPECS["boq"].config(channels=100)
