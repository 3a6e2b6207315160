"""A video as images: frames at a steady pace, upright, with the time that each was taken."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vpr_data.images.decode import MAX_PIXELS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame as AvFrame

__all__ = ["VideoError", "VideoFrame", "pace", "save_frames", "video_frames"]

RECORD = "frames.json"
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,mxf,gif,h264,hevc"
"""Containers that are opened. Play lists (HLS, DASH, concat) are not among them: they name files and addresses."""
PACE = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|sec|min|m)?")
UNITS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, None: 1.0}


class VideoError(ValueError):
    """A file is no video that can be read; the text names it."""


@dataclass(frozen=True, kw_only=True)
class VideoFrame:
    """One frame.

    Attributes:
        seconds: from the beginning of the video.
        pixels: uint8 ``(H, W, 3)`` RGB, turned upright as the file says.
        time: when it was taken (UTC), where the file says when the video was; else None.
    """

    seconds: float
    pixels: npt.NDArray[np.uint8]
    time: datetime | None


def pace(text: str) -> float:
    """Return seconds of ``1s``, ``500ms``, ``2``, ``1min``.

    Raises:
        ValueError: it is none of these, or not above 0.
    """
    found = PACE.fullmatch(text.strip().lower())
    seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"every {text!r}: write a time between frames, such as 1s, 500ms or 1min")
    return seconds


def video_frames(path: Path, *, every: float, max_pixels: int | None = None) -> Iterator[VideoFrame]:
    """Yield the first frame at or after 0, ``every``, ``2 every``, ... seconds, decoding as it goes.

    Needs PyAV (``vpr-data[video]``). The file is read through this process: nothing that it names is opened.

    Args:
        path: of the video.
        every: seconds between frames.
        max_pixels: largest frame that is decoded; None: `vpr_data.images.decode.MAX_PIXELS`.

    Raises:
        VideoError: PyAV is not installed, or the file is no video, damaged from its start or too large.
        ValueError: ``every`` is not above 0.
    """
    if not (math.isfinite(every) and every > 0):
        raise ValueError(f"every must be above 0 seconds, got {every}")
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        limit = MAX_PIXELS if max_pixels is None else max_pixels
        if stream.codec_context.width * stream.codec_context.height > limit:
            raise VideoError(f"{path}: its frames have more than {limit:,} pixels and are not decoded (max_pixels)")
        began = _began(container.metadata.get("creation_time") or stream.metadata.get("creation_time"))
        first: float | None = None
        number = 0
        for frame in _decoded(container, path):
            if frame.pts is None:
                continue
            first = frame.time if first is None else first
            seconds = frame.time - first
            if seconds < number * every - 1e-6:
                continue
            number = math.floor(seconds / every + 1e-6) + 1
            yield VideoFrame(
                seconds=seconds,
                pixels=_upright(frame),
                time=None if began is None else began + timedelta(seconds=seconds),
            )
        if first is None:
            raise VideoError(f"{path}: holds no frame that can be decoded; is it whole?")


def save_frames(
    path: Path,
    folder: Path,
    *,
    every: float,
    max_pixels: int | None = None,
    progress: Callable[[float], object] | None = None,
) -> int:
    """Write frames of a video as JPEG files to ``folder`` and return how many there are.

    A file is called ``walk_00012500ms.jpg`` by its time in the video, and carries the time when it was taken in EXIF,
    so that a track (GPX) places it. An interrupted call goes on; a finished one is not repeated.

    Args:
        path: of the video.
        folder: where frames go; made if need be.
        every: seconds between frames.
        max_pixels: see `video_frames`.
        progress: called with the seconds reached.

    Raises:
        VideoError: see `video_frames`; or the folder holds frames of another video or another pace.
    """
    if not path.is_file():
        raise VideoError(f"{path}: there is no such file")
    status = path.stat()
    record: dict[str, Any] = {
        "video": path.name,
        "bytes": status.st_size,
        "modified": status.st_mtime_ns,
        "every": every,
    }
    before = _record(folder / RECORD)
    if before is not None and {key: before.get(key) for key in record} != record:
        raise VideoError(f"{folder}: holds frames of another video, or at another pace; choose another folder")
    if before is not None and before.get("frames") is not None:
        return int(before["frames"])
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / RECORD, json.dumps(record).encode())
    count = 0
    for frame in video_frames(path, every=every, max_pixels=max_pixels):
        file = folder / f"{path.stem}_{round(frame.seconds * 1000):08d}ms.jpg"
        if not file.exists():
            _replace(file, _jpeg(frame))
        count += 1
        if progress is not None:
            progress(frame.seconds)
    _replace(folder / RECORD, json.dumps({**record, "frames": count}).encode())
    return count


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    try:
        import av
    except ImportError as error:
        raise VideoError(f"{path}: videos need PyAV: pip install 'vpr-data[video]'") from error

    def refuse(url: str, *_: object) -> None:
        raise PermissionError(f"a video may not open {url}")

    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
            container = stack.enter_context(
                av.open(file, "r", container_options=options, io_open=refuse, metadata_errors="replace")
            )
        except FileNotFoundError as error:
            raise VideoError(f"{path}: there is no such file") from error
        except (OSError, av.error.FFmpegError) as error:
            raise VideoError(f"{path}: is no video that can be read ({error.strerror or error})") from error
        if not container.streams.video:
            raise VideoError(f"{path}: holds no pictures (sound alone?)")
        yield container


def _decoded(container: InputContainer, path: Path) -> Iterator[AvFrame]:
    """Yield frames; what is damaged in the middle ends the video, what is damaged from the start is an error."""
    import av

    any_yet = False
    try:
        for frame in container.decode(video=0):
            any_yet = True
            yield frame
    except av.error.FFmpegError as error:
        if not any_yet:
            raise VideoError(f"{path}: cannot be decoded ({error.strerror or error})") from error


def _upright(frame: AvFrame) -> npt.NDArray[np.uint8]:
    """Turn a frame as the file's display matrix says: phones write all videos lying and say how they were held."""
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90) % 4))


def _began(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if moment.year > 1971 else None  # a clock that was never set


def _jpeg(frame: VideoFrame) -> bytes:
    import io

    from PIL import Image

    exif = Image.Exif()
    if frame.time is not None:
        # Times in EXIF are whole seconds; fractions have a field of their own.
        moment = frame.time.astimezone(UTC)
        exif[0x8769] = {
            0x9003: f"{moment:%Y:%m:%d %H:%M:%S}",
            0x9011: "+00:00",
            0x9291: f"{moment.microsecond // 1000:03d}",
        }
    out = io.BytesIO()
    Image.fromarray(frame.pixels).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def _record(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _replace(path: Path, content: bytes) -> None:
    """Write a file as a whole: beside it, flushed, and renamed."""
    beside = path.with_name(f".{path.name}.partial")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
