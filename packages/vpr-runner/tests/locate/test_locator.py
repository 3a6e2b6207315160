from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpr_core import UsageError
from vpr_data import Frame, ImageDecodeError, ImageSet
from vpr_runner import assemble
from vpr_runner.cli import main
from vpr_runner.locate.locator import Locator
from vpr_runner.maps.write import write_map

DEGREES = np.array([[-33.45, -70.65], [-33.4499123, -70.6499877], [-33.4498765, -70.6501234], [-33.4411, -70.66]])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for number in range(len(DEGREES)):
        Image.fromarray(generator.integers(0, 256, (48, 60, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def made(make_config: Any, engine_registry: Any, photos: Path, tmp_path: Path) -> Path:
    frame = Frame.local(latitude=-33.45, longitude=-70.65)
    names = [f"{number}.png" for number in range(len(DEGREES))]
    images = ImageSet(root=photos, names=names, xy=frame.to_metres(DEGREES), degrees=DEGREES, frame=frame)
    config = make_config()
    write_map(assemble(config, engine_registry).eval(), images, output=tmp_path / "map", config=config, progress=False)
    return tmp_path / "map"


def test_a_locator_says_what_search_says(made: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = Locator.open(made)
    query = photos / "1.png"
    found = where(query, count=3)
    assert found.answers[0].image == "1.png"
    assert found.answers[0].distance < 1e-3
    assert main(["search", str(made), str(query), "-k", "3", "--json", "-q"]) == 0
    said = json.loads(capsys.readouterr().out)[0]
    assert said["answers"] == [answer.as_dict() for answer in found.answers]
    assert said["estimate"] == found.estimate()
    assert said["estimate"]["believed"] is None
    assert main(["search", str(made), str(query), "-q"]) == 0
    assert f"  place: {found}" in capsys.readouterr().out.splitlines()
    pixels = np.asarray(Image.open(query))
    assert where(pixels, count=3) == found
    assert where(pixels[::-1][::-1], count=3) == found  # not contiguous


def test_many_threads_get_what_one_gets(made: Path, photos: Path) -> None:
    where = Locator.open(made)
    queries = [photos / f"{number % len(DEGREES)}.png" for number in range(24)]
    alone = [where(query) for query in queries[: len(DEGREES)]]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(where, queries))
    assert together == [alone[number % len(DEGREES)] for number in range(24)]


@pytest.mark.fault
def test_what_is_no_photo_is_said(made: Path, photos: Path, tmp_path: Path) -> None:
    where = Locator.open(made)
    with pytest.raises(ImageDecodeError, match="does not exist"):
        where(tmp_path / "gone.png")
    for bad in (np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3)), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)"):
            where(bad)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no such folder"):
        Locator.open(tmp_path / "nothing")
    assert where(photos / "0.png").answers[0].image == "0.png"
