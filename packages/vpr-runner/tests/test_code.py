"""An edited local plug-in is another run, another chunk and another cell."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vpr_core import Registry, UsageError, build_registry
from vpr_core.config import components_of
from vpr_core.loader import load_plugins
from vpr_core.origin import PluginOrigin
from vpr_runner import assemble, extract
from vpr_runner.bench.plan import plan
from vpr_runner.bench.suite import Suite
from vpr_runner.code import OF_DESCRIPTORS, OF_WEIGHTS, code_of, local_code
from vpr_runner.data import split_of
from vpr_runner.distributed import ONE_PROCESS
from vpr_runner.extraction.manifest import Manifest
from vpr_runner.files.provenance import versions
from vpr_runner.training.run_directory import RunDirectory

HOOK = "from vpr_core import hookimpl\n\n\n@hookimpl\ndef vpr_poolings():\n    return []\n\n\n"


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    assert local_code(None) == ()
    assert local_code(build_registry()) == ()
    plugin = tmp_path / "mine.py"
    plugin.write_text(HOOK)
    first = local_code(build_registry(plugin_files=[plugin]))
    assert len(first) == 1
    assert first[0].startswith("mine.py sha256:")
    plugin.write_text(HOOK + "POWER = 8\n")
    assert local_code(build_registry(plugin_files=[plugin])) != first


def test_an_installed_plug_in_is_known_by_its_version_and_the_toolkit_is_not(make_config: Any, tmp_path: Path) -> None:
    def registry_of(version: str) -> Registry:
        report = load_plugins()
        mine = PluginOrigin(distribution="mine", version=version, entry="mine")
        plugins = [
            replace(plugin, origin=mine) if plugin.origin.distribution == "vpr-pooling" else plugin
            for plugin in report.plugins
        ]
        return Registry(replace(report, plugins=tuple(plugins)))

    config = make_config(loss={"type": "contrastive"}, miner={"type": "hard_negatives"}, dataset={"type": "city"})
    assert code_of(components_of(config, OF_WEIGHTS), build_registry()) == ()
    assert code_of(components_of(config, OF_WEIGHTS), None) == ()
    for version in ("1.0", "1.1"):
        assert code_of(components_of(config, OF_DESCRIPTORS), registry_of(version)) == (f"mine {version}",)
        assert code_of(components_of(config, ("loss", "miner")), registry_of(version)) == ()


def test_cells_of_other_versions_are_other_cells_of_the_same_training(
    make_config: Any, engine_registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = Suite(name="s", title="S", base=make_config().model_dump(mode="json"), methods={"m": {}}, seeds=[0])

    def trained() -> Any:
        (cell,) = (cell for cell in plan(suite, engine_registry) if cell.stage == "trained")
        return cell

    before = trained()
    assert trained().key == before.key
    monkeypatch.setattr(sys.modules[plan.__module__], "versions", lambda: {**versions(), "torch": "9.9.9"})
    assert trained().key != before.key
    assert trained().training_key == before.training_key  # whose run says what it was trained with


@pytest.mark.fault
def test_another_text_does_not_go_on_with_a_run(make_config: Any, tmp_path: Path) -> None:
    config = make_config()
    with RunDirectory.hold(tmp_path, config, ranks=ONE_PROCESS, resume=True, code=("mine.py sha256:1",)):
        pass
    with RunDirectory.hold(tmp_path, config, ranks=ONE_PROCESS, resume=True, code=("mine.py sha256:1",)):
        pass
    with (
        pytest.raises(UsageError, match="another configuration: code"),
        RunDirectory.hold(tmp_path, config, ranks=ONE_PROCESS, resume=True, code=("mine.py sha256:2",)),
    ):
        pytest.fail("taken")


@pytest.mark.fault
def test_chunks_of_another_text_are_not_taken_for_these(make_config: Any, engine_registry: Any, tmp_path: Path) -> None:
    """The registry of these tests is made of a local file: its text stands in the manifest."""
    config = make_config()
    images = split_of(config.dataset, engine_registry, name="test").database
    network = assemble(config, engine_registry).eval()
    for _ in range(2):
        extract(network, images, output=tmp_path, config=config, registry=engine_registry, progress=False)
    manifest = Manifest.read(tmp_path)
    assert manifest is not None
    assert manifest.code == local_code(engine_registry) != ()
    replace(manifest, code=("engine_components.py sha256:before",)).write(tmp_path)
    with pytest.raises(UsageError, match="differs in code"):
        extract(network, images, output=tmp_path, config=config, registry=engine_registry, progress=False)
