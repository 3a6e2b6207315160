"""What is said when queries are made otherwise than the map."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_data import ImageSet
from vpr_runner import assemble
from vpr_runner.cli import main
from vpr_runner.locate.locator import Locator
from vpr_runner.maps.mixing import FREE, PRECISION, RESIZED, offer_binary, warn_of_resized
from vpr_runner.maps.write import write_map


def of(count: int, dim: int) -> Any:
    return SimpleNamespace(shape=(count, dim))


def test_an_array_of_the_network_s_size_is_said_once_and_others_are_not(caplog: pytest.LogCaptureFixture) -> None:
    assert not warn_of_resized((97, 128, 3), (96, 128))
    assert not warn_of_resized((96, 128, 3), None)
    assert not caplog.records
    assert warn_of_resized((96, 128, 3), (96, 128))
    assert RESIZED in caplog.text
    assert "96 x 128" in caplog.text


def test_signs_are_offered_for_a_large_map_that_is_searched_exactly() -> None:
    assert offer_binary(of(1000, 4096), "flat") is None
    assert offer_binary(of(500_000, 4096), "binary") is None
    said = offer_binary(of(65_536, 4096), "flat")
    assert said is not None
    assert said.startswith("exact search reads 1.0 GiB")
    assert "keeps 0.03 GiB of signs" in said
    assert FREE in said


def test_search_and_locator_say_so(
    make_config: Any, engine_registry: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    draw = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(draw.integers(0, 256, (70, 90, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    images = ImageSet(root=tmp_path, names=[f"{n}.png" for n in range(3)], xy=np.zeros((3, 2)))
    config = make_config(compute={"precision": "bfloat16"}, image={"size": [48, 64]})
    write_map(assemble(config, engine_registry).eval(), images, output=tmp_path / "map", config=config, progress=False)
    asked = ["search", str(tmp_path / "map"), str(tmp_path / "1.png"), "-q"]
    assert main(asked) == 0
    assert PRECISION not in capsys.readouterr().err
    main([*asked, "--set", "compute.precision=float32"])
    assert PRECISION in " ".join(capsys.readouterr().err.split())
    caplog.clear()
    where = Locator.open(tmp_path / "map")
    for _ in range(2):
        where(np.zeros((48, 64, 3), dtype=np.uint8))
    assert caplog.text.count("a photo came as an array of the network's own size") == 1
