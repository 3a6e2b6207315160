"""An edited local plug-in is another run, another chunk and another cell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vpr_core import UsageError, build_registry
from vpr_runner import assemble, extract
from vpr_runner.code import local_code
from vpr_runner.data import split_of
from vpr_runner.distributed import ONE_PROCESS
from vpr_runner.extraction.manifest import Manifest
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
