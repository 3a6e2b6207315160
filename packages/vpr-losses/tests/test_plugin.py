from __future__ import annotations

import subprocess
import sys

import pytest
import torch


def test_importing_the_library_needs_neither_a_host_nor_the_compiler() -> None:
    code = (
        "import sys, torch; from vpr_losses import HardNegatives, InfoNCE, WeaklySupervisedRanking\n"
        "x = torch.eye(4, requires_grad=True)\n"
        "InfoNCE()(x, torch.tensor([0, 0, 1, 1])).backward()\n"
        "WeaklySupervisedRanking()(x[:2], x[2:, None], x[2:, None]).backward()\n"
        "costly = ('pluggy', 'pydantic', 'vpr_core', 'torch._dynamo', 'sympy')\n"
        "sys.exit(', '.join(name for name in costly if name in sys.modules) or None)"
    )
    quiet = ["-W", "ignore:Failed to initialize NumPy:UserWarning"]  # alone there is no numpy, of which torch speaks
    done = subprocess.run([sys.executable, *quiet, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_plugin_does_not_import_torch() -> None:
    pytest.importorskip("vpr_core")
    code = (
        "import sys, vpr_losses.plugin as p; list(p.vpr_losses()); list(p.vpr_miners()); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_loss_is_built_with_its_fields() -> None:
    pytest.importorskip("vpr_core")
    from vpr_losses.plugin import vpr_losses

    specs = {spec.name: spec for spec in vpr_losses()}
    assert set(specs) == {
        "weakly_supervised_ranking",
        "triplet_unsquared_sqrt_margin",
        "triplet_unsquared",
        "triplet_single",
        "sare_independent",
        "sare_joint",
        "contrastive",
        "info_nce",
    }
    built = {name: repr(spec.build(spec.config())) for name, spec in specs.items()}
    assert built == {
        "weakly_supervised_ranking": "WeaklySupervisedRanking(margin=0.1)",
        "triplet_unsquared_sqrt_margin": "UnsquaredRanking(margin=0.3162)",
        "triplet_unsquared": "UnsquaredRanking(margin=0.1)",
        "triplet_single": "SingleTriplet(margin=0.1, squared=False)",
        "sare_independent": "IndependentSARE()",
        "sare_joint": "JointSARE()",
        "contrastive": "Contrastive(margin=0.7)",
        "info_nce": "InfoNCE(temperature=0.1)",
    }
    assert [name for name, spec in specs.items() if spec.supervision == "places"] == ["info_nce"]
    for spec in specs.values():
        if "margin" in spec.config.model_fields:
            assert spec.build(spec.config(margin=0.25)).margin == 0.25
    assert specs["triplet_single"].build(specs["triplet_single"].config(squared=True)).squared
    query, others = torch.zeros(2, 3), torch.ones(2, 4, 3)
    for spec in specs.values():
        inputs = (query, others, others) if spec.supervision == "tuples" else (query, torch.zeros(2))
        assert spec.build(spec.config())(*inputs).shape == ()


def test_every_miner_is_built_with_its_fields() -> None:
    pytest.importorskip("vpr_core")
    from vpr_losses.plugin import vpr_miners

    specs = {spec.name: spec for spec in vpr_miners()}
    assert set(specs) == {"hard_negatives", "partial_negatives", "random_negatives"}
    hard = specs["hard_negatives"].build(specs["hard_negatives"].config())
    assert (hard.draws, hard.keep, hard.margin, hard.remember) == (1000, 10, 0.1, 10)
    full = specs["hard_negatives"].build(specs["hard_negatives"].config(pool=None, keep=5, margin=0.2, remember=3))
    assert (full.draws, full.keep, full.margin, full.remember) == (None, 5, 0.2, 3)
    partial = specs["partial_negatives"].build(specs["partial_negatives"].config())
    assert (partial.draws, partial.keep, partial.margin) == (1000, 10, None)
    assert specs["partial_negatives"].build(specs["partial_negatives"].config(margin=0.3)).margin == 0.3
    assert specs["random_negatives"].build(specs["random_negatives"].config(keep=7)).keep == 7
