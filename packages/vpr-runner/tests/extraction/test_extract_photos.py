"""`vpr extract` of a folder of photos as they come: what one of them lacks costs that one, and is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vpr_runner.cli import main
from vpr_runner.maps.opened import open_map

RUN = """
dataset: {type: city, size: small}
backbone: {type: tiny}
pooling: {type: gem}
image: {size: [16, 24]}
"""


def shot(path: Path, seed: int, *, south: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if south is not None:
        exif[0x8825] = {1: "S", 2: (33.0, 51.0, south), 3: "W", 4: (70.0, 39.0, 0.0)}
        exif[0x8769] = {0x9003: "0000:00:00 00:00:00"}
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)


def test_a_map_of_photos_of_which_one_has_no_position(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.yaml").write_text(RUN)
    for number in range(3):
        shot(tmp_path / "photos" / f"{number}.jpg", number, south=float(number))
    shot(tmp_path / "photos" / "scan.jfif", 9)
    shot(tmp_path / "photos" / "@eaDir" / "0.jpg" / "SYNOPHOTO_THUMB_M.jpg", 0)
    (tmp_path / "photos" / "walk.MOV").write_bytes(b"")
    folder = tmp_path / "map"
    assert main(["extract", str(tmp_path / "run.yaml"), str(tmp_path / "photos"), "-o", str(folder), "-q"]) == 0
    said = capsys.readouterr()
    assert "4 images, 4 of them now" in said.out
    assert "warning: passed over: 1 .mov (vpr extract FILE --every 1s takes frames)" in said.err
    assert "warning: 3 of 4 images have a position; without one: scan.jfif (no GPS position in EXIF or XMP)" in said.err
    places = open_map(folder).places
    positions = {name: places.described(row) for row, name in enumerate(places.names) if places.located[row]}
    assert sorted(positions) == ["0.jpg", "1.jpg", "2.jpg"]
    assert abs(positions["0.jpg"]["y"] - positions["1.jpg"]["y"] - 30.8) < 0.1  # a second of latitude
