"""torchvision comes without torch's compiler, and with it for whoever wants it. Each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> str:
    """Standard output of a fresh process."""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_network_is_built_and_run_without_the_compiler() -> None:
    code = (
        "import sys, torch; from vpr_backbones.without_compiler import without_compiler\n"
        "try:\n"
        "    with without_compiler():\n"
        "        import no_such_library\n"
        "except ModuleNotFoundError as error:\n"
        "    assert 'torch._dynamo.utils' not in sys.modules, 'something is left when the import fails'\n"
        "from vpr_backbones import build_torchvision\n"
        "network = build_torchvision(name='resnet18', weights='none')\n"
        "shape = tuple(network(torch.rand(1, 3, 32, 32)).shape)\n"
        "print(shape, sorted(name for name in sys.modules if name.startswith('torch._dynamo')))"
    )
    assert run(code) == "(1, 256, 2, 2) []"


@pytest.mark.slow
def test_the_compiler_can_be_used_afterwards() -> None:
    code = (
        "import torch; from vpr_backbones import build_torchvision\n"
        "network = build_torchvision(name='squeezenet1_1', weights='none', cut='conv1').eval()\n"
        "x = torch.rand(1, 3, 32, 32)\n"
        "compiled = torch.compile(network, fullgraph=True, backend='eager')(x)\n"
        "print(bool(torch.equal(compiled, network(x))))\n"
        "import torchvision.ops, torch._dynamo.utils\n"  # what asked for the compiler still does its own work
        "boxes = torch.tensor([[0.0, 0.0, 0.0, 4.0, 4.0]])\n"
        "print(tuple(torchvision.ops.roi_align(torch.rand(1, 1, 8, 8), boxes, (2, 2)).shape))\n"
        "print(torchvision.ops.roi_align.__globals__['is_compile_supported']('cpu'))"
    )
    assert run(code) == "True\n(1, 1, 2, 2)\nTrue"


@pytest.mark.slow
def test_who_asks_for_more_of_the_compiler_gets_the_compiler() -> None:
    code = (
        "import sys; from vpr_backbones.without_compiler import without_compiler\n"
        "with without_compiler():\n"
        "    from torch._dynamo.utils import is_compile_supported, counters\n"
        "real = sys.modules['torch._dynamo.utils']\n"
        "print(counters is real.counters, type(real).__name__)"
    )
    assert run(code) == "True module"
