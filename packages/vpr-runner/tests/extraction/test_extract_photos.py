"""`vpr extract` of a folder of photos as they come: what one of them lacks costs that one, and is said."""

from __future__ import annotations

import re
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


TRACK = '<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{}</trkseg></trk></gpx>'
POINT = '<trkpt lat="{}" lon="16.37"><time>2024-05-01T10:00:{:02d}Z</time></trkpt>'


def film(path: Path) -> None:
    av = pytest.importorskip("av", reason="videos need the extra vpr-data[video]; nox -s tests installs it")
    with av.open(str(path), "w") as container:
        container.metadata["creation_time"] = "2024-05-01T10:00:00.000000Z"
        stream = container.add_stream("mpeg4", rate=4)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(12):
            pixels = np.random.default_rng(number // 4).integers(0, 255, (6, 8, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(np.kron(pixels, np.ones((8, 8, 1), dtype=np.uint8)), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_walk_becomes_a_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Frames of a video, placed along the track of a receiver by the time of recording."""
    film(tmp_path / "walk.mp4")
    (tmp_path / "run.yaml").write_text(RUN)
    (tmp_path / "walk.gpx").write_text(TRACK.format("".join(POINT.format(48.2 + 1e-4 * n, n) for n in range(5))))
    folder = tmp_path / "map"
    command = ["extract", str(tmp_path / "run.yaml"), str(tmp_path / "walk.mp4"), "--every", "1s", "-o", str(folder)]
    assert main([*command, "--gpx", str(tmp_path / "walk.gpx"), "-q"]) == 0
    assert "3 images, 3 of them now" in capsys.readouterr().out
    text = (folder / "images.csv").read_text()
    assert "walk_00001000ms.jpg" in text
    assert "48.2001" in text
    assert (folder / "frames" / "walk_00002000ms.jpg").is_file()
    assert main([*command, "--gpx", str(tmp_path / "walk.gpx"), "-q"]) == 0
    assert "3 images, 0 of them now" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["photos", "--every", "1s"], "--every takes frames of a video; .*photos is no video but a folder"),
        (["walk.mp4", "--every", "often"], "--every 'often': write a time between frames, such as 1s"),
        (["broken.mp4"], "broken.mp4: is no video that can be read"),
        (["photos", "--gpx", "none.gpx"], "none.gpx: there is no such file"),
        (["--split", "test", "--gpx", "none.gpx"], "--every and --gpx go with a folder or a video"),
    ],
)
def test_what_is_asked_wrongly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "walk.mp4")
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    shot(tmp_path / "photos" / "a.jpg", 0)
    (tmp_path / "run.yaml").write_text(RUN)
    assert main(["extract", "run.yaml", *arguments, "-o", "map", "-q"]) == 2
    assert re.search(said, capsys.readouterr().err)
