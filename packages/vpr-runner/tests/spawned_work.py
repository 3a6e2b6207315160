"""What test_spawn.py has done in another process."""

from __future__ import annotations

from pathlib import Path


def descriptors(network, images, compute):
    import torch

    from vpr_runner.encoding.encode import encode_all
    from vpr_runner.encoding.source import ImageSource

    torch.set_num_threads(1)
    return encode_all(network, ImageSource(images), compute=compute)[0]


def names_of(dataset, split: str):
    return dataset.split(split).queries.names


def extracted(config_json: str, path: list[str], output: Path) -> None:
    import sys

    sys.path[:] = path
    from vpr_core import build_registry
    from vpr_runner import extract
    from vpr_runner.network.assembly import assemble

    registry = build_registry(plugin_files=[Path(__file__).with_name("engine_components.py")])
    config = registry.run_config_model().model_validate_json(config_json)
    images = registry.build("dataset", config.dataset).split("val").database
    extract(assemble(config, registry), images, output=output, config=config, chunk=5, progress=False)
