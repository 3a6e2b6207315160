"""The promises of the hooks' version: the first plug-in works, a hook may grow, what is to go says so first."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pluggy
import pytest
import torch

from vpr_core import FeatureSpec, build_registry, hookspecs
from vpr_core.config import parse_run
from vpr_core.hookspecs import HOOK_API, OLDEST_HOOK_API, hookspec
from vpr_core.loader import discover
from vpr_core.testing.mining import Scene

FROZEN = Path(__file__).with_name("frozen") / "plugin_of_hook_api_1.py"
SHA256 = "80edd3cf78c8cc96aa96892531d7332f1a002ce6a0c83b0affbb1559d572c02a"
RUN = """
dataset: {type: first_dataset, root: data}
backbone: {type: first_backbone, width: 8}
pooling: {type: first_pooling}
loss: {type: first_loss, margin: 0.2}
miner: {type: first_miner}
index: {type: first_index}
"""


@pytest.fixture
def first():
    """The frozen plug-in, with what else a run takes for granted."""
    disabled = {origin.distribution for origin in discover()} - {"vpr-runner"}
    return build_registry(plugin_files=[FROZEN], disabled=disabled, strict=True)


def test_the_frozen_plugin_is_as_it_was_written() -> None:
    text = FROZEN.read_bytes().replace(b"\r\n", b"\n")
    assert hashlib.sha256(text).hexdigest() == SHA256, f"{FROZEN} was edited; put it back: it is other people's code"


def test_a_plugin_of_the_first_version_is_listed_validated_and_described(first) -> None:
    assert OLDEST_HOOK_API <= 1 <= HOOK_API
    found = {kind: [spec.name for spec in first.specs(kind)] for kind in ("backbone", "pooling", "loss", "miner")}
    assert found == {
        "backbone": ["first_backbone"],
        "pooling": ["first_pooling"],
        "loss": ["first_loss", "first_place_loss"],
        "miner": ["first_miner"],
    }
    assert first.get("loss", "first_place_loss").supervision == "places"
    assert first.get("loss", "first_loss").paper == "Nobody 2026"
    pytest.importorskip("vpr_runner", reason="a run file takes the engine local for granted")
    run = parse_run(RUN, first)
    assert (run.backbone.width, run.loss.margin, run.dataset.root) == (8, 0.2, "data")
    assert "first_pooling" in first.json_schema()["properties"]["pooling"]["discriminator"]["mapping"]


def test_a_plugin_of_the_first_version_is_built_and_called(first) -> None:
    def build(kind: str, name: str, *args: Any, **fields: Any) -> Any:
        return first.build(kind, first.get(kind, name).config(**fields), *args)

    backbone = build("backbone", "first_backbone", width=8)
    pooling = build(
        "pooling", "first_pooling", FeatureSpec(channels=8, stride=4, map_size=(4, 6), global_token=False), power=3.0
    )
    maps = backbone.trainable(backbone.frozen(torch.rand(2, 3, 16, 24)))
    pooling.init_from_features(maps.flatten(2)[0].T, generator=torch.Generator().manual_seed(0))
    descriptors = pooling(maps)
    assert descriptors.shape == (2, 8)
    torch.testing.assert_close(descriptors.norm(dim=1), torch.ones(2))

    scene = Scene(database=30, queries=5)
    request = scene.request(torch.arange(3))
    tuples = build("miner", "first_miner").mine(
        request,
        query_descriptors=scene.query_descriptors[:3],
        database_descriptors=scene.database_descriptors,
        database_positions=None,
    )
    assert tuples.negatives.shape == (3, 2)
    query, positives, negatives = torch.rand(3, 8), torch.rand(3, 1, 8), torch.rand(3, 2, 8)
    total, count = build("loss", "first_loss").terms(
        query, positives, negatives, positive_mask=torch.ones(3, 1).bool(), negative_mask=torch.ones(3, 2).bool()
    )
    assert total.ndim == 0
    assert int(count) == 3
    assert build("loss", "first_place_loss")(query, torch.tensor([0, 0, 1])).ndim == 0

    index = build("index", "first_index", 8)
    index.add(np.eye(8, dtype=np.float32))
    assert index.search(np.eye(8, dtype=np.float32)[3:4], 1).index.tolist() == [[3]]
    assert build("dataset", "first_dataset", root="data").split("val") == ("data", "val")


def test_a_hook_that_is_to_go_warns_its_author_and_works_until_then(site, pooling_code, monkeypatch) -> None:
    """The way a hook ends: ``warn_on_impl`` for all of one version, then `OLDEST_HOOK_API` rises past it."""
    going = FutureWarning("vpr_poolings goes with version 3 of the hooks; implement vpr_layers, see docs/plugins.md")

    @hookspec(warn_on_impl=going)
    def vpr_poolings() -> Iterable[Any]:
        """Yield pooling layers."""
        return ()

    monkeypatch.setattr(hookspecs, "vpr_poolings", vpr_poolings)
    site.install("vpr-old", pooling_code("old"))
    with pytest.warns(FutureWarning, match="implement vpr_layers, see docs/plugins.md"):
        registry = site.registry(strict=True)
    assert [spec.name for spec in registry.specs("pooling")] == ["old"]


def test_a_plugin_older_than_what_is_understood_is_refused_by_name(site, pooling_code, monkeypatch) -> None:
    monkeypatch.setattr("vpr_core.loader.HOOK_API", 3)
    monkeypatch.setattr("vpr_core.loader.OLDEST_HOOK_API", 2)
    for name, version in (("old", 1), ("young", 2)):
        site.install(f"vpr-{name}", textwrap.dedent(pooling_code(name)) + f"\nVPR_HOOK_API = {version}\n")
    registry = site.registry()
    assert [spec.name for spec in registry.specs("pooling")] == ["young"]
    (failure,) = registry.failures
    assert failure.distribution == "vpr-old"
    assert "written for version 1 of the hooks, this vpr-core has 2 to 3; upgrade the plug-in" in failure.error


def test_a_hook_that_gains_an_argument_keeps_old_plugins() -> None:
    """The way a hook grows: pluggy passes an implementation the arguments it names, and no others."""

    class Grown:
        @pluggy.HookspecMarker("vpr")
        def vpr_poolings(self, environment):
            """Yield pooling layers."""

    class Old:
        @pluggy.HookimplMarker("vpr")
        def vpr_poolings(self):
            return ["old"]

    class New:
        @pluggy.HookimplMarker("vpr")
        def vpr_poolings(self, environment):
            return [environment]

    manager = pluggy.PluginManager("vpr")
    manager.add_hookspecs(Grown)
    manager.register(Old())
    manager.register(New())
    manager.check_pending()
    assert sorted(manager.hook.vpr_poolings(environment="linux")) == [["linux"], ["old"]]
