"""Running the contracts over a registry, as the repository and a distribution's own tests do."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from vpr_core.testing import Trial, over_registry

PLUGIN = """
import torch
from torch import nn
from torch.nn import functional as F

class Layer(nn.Module):
    orderless = True
    def __init__(self, scale, features):
        super().__init__()
        self.out_dim, self.scale = features.channels, scale
    def forward(self, x):
        if x.shape[1] != self.out_dim:
            raise ValueError("channels")
        return self.scale * F.normalize(x.float().mean(dim=(2, 3)), dim=1)

class Good(ComponentConfig):
    type: Literal["good"] = "good"
class Long(ComponentConfig):
    type: Literal["too_long"] = "too_long"

@hookimpl
def vpr_poolings():
    yield PoolingSpec(name="good", config=Good, build=lambda c, f: Layer(1.0, f), summary="x")
    yield PoolingSpec(name="too_long", config=Long, build=lambda c, f: Layer(1.1, f), summary="x")
"""


def test_a_typing_error_in_the_trials_is_no_silent_pass(registry, site) -> None:
    with pytest.raises(ValueError, match="no pooling named 'netvld'; did you mean 'netvlad'"):
        over_registry(registry, "pooling", {"netvld": Trial()})


def test_nothing_installed_is_no_silent_pass(site) -> None:
    with pytest.raises(ValueError, match="registry holds no pooling to test"):
        over_registry(site.registry(), "pooling")


def test_a_failing_run_reads_well(site, tmp_path) -> None:
    """Ids name the component, the message tells the author what to do, and no traceback of the kit is shown."""
    module = site.install("vpr-two", PLUGIN)
    file = tmp_path / "test_mine.py"
    file.write_text(
        textwrap.dedent(f"""
        from vpr_core import build_registry
        from vpr_core.testing import PoolingContract, Trial, over_registry
        import {module} as plugin

        registry = build_registry(disabled={site.others()!r})

        @over_registry(registry, "pooling", {{"good": [Trial(), Trial(label="again")]}})
        class TestPoolings(PoolingContract):
            pass

        class TestMine(PoolingContract):
            spec = next(plugin.vpr_poolings())
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfp", "-p", "no:cacheprovider", "-W", "error", str(file)],
        env={"PYTHONPATH": str(site.folder), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED test_mine.py::TestPoolings::test_rows_are_unit[too_long]" in done.stdout
    assert "pooling 'too_long': rows must have length 1, those of normal maps are off by 0.1" in done.stdout
    assert "PASSED test_mine.py::TestPoolings::test_rows_are_unit[good]" in done.stdout
    assert "PASSED test_mine.py::TestPoolings::test_rows_are_unit[good-again]" in done.stdout
    assert "PASSED test_mine.py::TestMine::test_rows_are_unit" in done.stdout
    assert "vpr_core/testing" not in done.stdout
    failed = {line.split("::")[2].split(" ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert failed == {f"{test}[too_long]" for test in ("test_rows_are_unit", "test_autocast")}
