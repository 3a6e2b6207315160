from __future__ import annotations

import socket
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest

from vpr_data import load_image
from vpr_data.images.video import VideoError, pace, save_frames, video_frames
from vpr_data.tables.camera import photo_facts

av = pytest.importorskip("av", reason="videos need the extra vpr-data[video]; nox -s tests installs it")
CORNER = np.zeros((48, 64, 3), dtype=np.uint8)
CORNER[:24, :32] = 255  # one bright corner tells every turn from the others


@pytest.fixture
def film(tmp_path):
    def write(name="walk.mp4", *, frames=40, rate=10, rotation=0, codec="mpeg4", **metadata):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            container.metadata.update(metadata)
            stream = container.add_stream(codec, rate=rate)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.time_base = Fraction(1, rate)
            for number in range(frames):
                pixels = (CORNER.astype(int) * (frames - number) // frames).astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        if rotation:
            turn(path, rotation)
        return path

    return write


def turn(path, degrees):
    """Write the display matrix of a phone that was held upright into the track's header (tkhd), as phones do."""
    cos, sin = round(np.cos(np.radians(degrees))), round(np.sin(np.radians(degrees)))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # a version 0 header: the matrix begins after 40 bytes
    entries = [cos, sin, 0, -sin, cos, 0, 0, 0]
    matrix = b"".join(int(value * 65536).to_bytes(4, "big", signed=True) for value in entries)
    data[at : at + 36] = matrix + (1 << 30).to_bytes(4, "big")
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("every", "seconds"), [(1.0, [0, 1, 2, 3]), (0.5, [0.5 * n for n in range(8)]), (0.25, None), (60.0, [0])]
)
def test_frames_come_at_a_steady_pace(film, every, seconds):
    found = list(video_frames(film(), every=every))
    if seconds is None:  # ten frames a second: the first at or after each quarter
        seconds = [0, 0.3, 0.5, 0.8, 1, 1.3, 1.5, 1.8, 2, 2.3, 2.5, 2.8, 3, 3.3, 3.5, 3.8]
    assert [round(frame.seconds, 6) for frame in found] == seconds
    for frame in found:
        expected = 255 * (40 - round(frame.seconds * 10)) // 40
        assert frame.pixels.shape == (48, 64, 3)
        assert abs(int(frame.pixels[8, 8].mean()) - expected) < 8
        assert frame.pixels[40, 50].max() < 20


@pytest.mark.parametrize(("rotation", "corner"), [(90, "right"), (180, "opposite"), (270, "left")])
def test_a_phone_held_upright_gives_upright_frames(film, rotation, corner):
    """The bright corner, top left in the stored picture, lies where the player would show it."""
    frame = next(iter(video_frames(film(rotation=rotation), every=1)))
    assert frame.pixels.shape == ((48, 64, 3) if rotation == 180 else (64, 48, 3))
    height, width = frame.pixels.shape[:2]
    where = {"right": (5, width - 6), "opposite": (height - 6, width - 6), "left": (height - 6, 5)}[corner]
    assert frame.pixels[where].min() > 200
    assert frame.pixels[5, 5].max() < 50


def test_frames_know_when_they_were_taken(film, tmp_path):
    path = film(creation_time="2024-05-01T10:00:00.000000Z")
    frames = list(video_frames(path, every=1.5))
    assert frames[1].time == datetime(2024, 5, 1, 10, 0, 1, 500_000, tzinfo=UTC)
    assert save_frames(path, tmp_path / "frames", every=1.5) == 3
    names = sorted(file.name for file in (tmp_path / "frames").glob("*.jpg"))
    assert names == ["walk_00000000ms.jpg", "walk_00001500ms.jpg", "walk_00003000ms.jpg"]
    assert photo_facts(tmp_path / "frames" / names[1]).time == "2024-05-01T10:00:01+00:00"
    assert np.abs(load_image(tmp_path / "frames" / names[1]).astype(int) - frames[1].pixels).mean() < 4
    unknown = next(iter(video_frames(film("b.mp4"), every=1)))
    assert unknown.time is None


def test_saving_goes_on_and_is_not_repeated(film, tmp_path, monkeypatch):
    path, folder = film(), tmp_path / "frames"
    calls = []

    def stop(seconds):
        calls.append(seconds)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_frames(path, folder, every=1, progress=stop)
    first = (folder / "walk_00000000ms.jpg").stat().st_mtime_ns
    assert save_frames(path, folder, every=1) == 4
    assert (folder / "walk_00000000ms.jpg").stat().st_mtime_ns == first
    monkeypatch.setattr("vpr_data.images.video.video_frames", None)  # not called again
    assert save_frames(path, folder, every=1) == 4
    assert not list(folder.glob(".*"))
    with pytest.raises(VideoError, match="frames of another video, or at another pace; choose another folder"):
        save_frames(path, folder, every=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no video that can be read"),
        (b"hello", "is no video that can be read"),
        (b"\0\0\0\x18ftypisom" + bytes(300), "is no video that can be read|holds no pictures"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n", "is no video that can be read"),
        (b"ffconcat version 1.0\nfile {other}\n", "is no video that can be read"),
        (
            b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/x.ts\n#EXT-X-ENDLIST\n",
            "is no video",
        ),
    ],
)
def test_what_is_no_video_reaches_nothing(film, tmp_path, content, message):
    """A play list under a video's name neither opens another file nor an address."""
    other = film("other.mp4")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        filled = content.replace(b"{other}", str(other).encode())
        filled = filled.replace(b"{port}", str(server.getsockname()[1]).encode())
        (tmp_path / "x.mp4").write_bytes(filled)
        with pytest.raises(VideoError, match=message):
            list(video_frames(tmp_path / "x.mp4", every=1))
        with pytest.raises(TimeoutError):
            server.accept()


def test_limits_and_missing_files(film, tmp_path):
    with pytest.raises(VideoError, match="its frames have more than 1,000 pixels"):
        next(iter(video_frames(film(), every=1, max_pixels=1000)))
    with pytest.raises(VideoError, match="there is no such file"):
        save_frames(tmp_path / "none.mp4", tmp_path / "f", every=1)
    with pytest.raises(VideoError, match="there is no such file"):
        next(iter(video_frames(tmp_path / "none.mp4", every=1)))
    with pytest.raises(ValueError, match="every must be above 0 seconds, got 0"):
        next(iter(video_frames(film(), every=0)))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("500ms", 0.5), ("2", 2), ("1.5 s", 1.5), ("1min", 60), ("0s", None), ("fast", None), ("-1s", None)],
)
def test_paces(text, seconds):
    if seconds is None:
        with pytest.raises(ValueError, match="write a time between frames, such as 1s"):
            pace(text)
    else:
        assert pace(text) == seconds
