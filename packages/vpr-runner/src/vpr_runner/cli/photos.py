"""Photos and videos named on the command line, as images with positions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_data.tables.photos import PhotoFolder

__all__ = ["FRAMES_FOLDER", "photos_of"]

FRAMES_FOLDER = "frames"
"""In a map of a video: its frames as images, which the answers of a search are shown by."""


def photos_of(
    source: Path,
    *,
    output: Path,
    every: str | None,
    gpx: Path | None,
    gpx_offset: float,
    max_pixels: int,
    quiet: bool,
) -> PhotoFolder:
    """Return the images below a folder, or frames of a video (written below ``output``); say what is remarkable.

    Raises:
        UsageError: ``every`` for a folder, or a video that cannot be read.
        FileNotFoundError: nothing is there.
    """
    from vpr_core import UsageError
    from vpr_data.tables.photos import open_photos

    folder = source
    if source.is_file():
        folder = _frames(source, output / FRAMES_FOLDER, every=every or "1s", max_pixels=max_pixels, quiet=quiet)
    elif every is not None:
        raise UsageError(f"--every takes frames of a video; {source} is no video but a folder of images")
    photos = open_photos(folder, gpx=gpx, gpx_offset=gpx_offset)
    for note in photos.notes:
        print(f"warning: {note}", file=sys.stderr)
    return photos


def _frames(video: Path, folder: Path, *, every: str, max_pixels: int, quiet: bool) -> Path:
    from tqdm import tqdm

    from vpr_core import UsageError
    from vpr_data.images.video import VideoError, pace, save_frames

    try:
        with tqdm(desc=f"frames of {video.name}", unit=" s", disable=quiet or not sys.stderr.isatty()) as bar:
            count = save_frames(
                video, folder, every=pace(every), max_pixels=max_pixels, progress=lambda at: bar.update(at - bar.n)
            )
    except VideoError as error:
        raise UsageError(f"{error}; name a folder of images, or a video") from error
    except ValueError as error:
        raise UsageError(f"--{error}") from error
    if not quiet:
        print(f"{count} frames of {video.name}, one every {every}, in {folder}", file=sys.stderr)
    return folder
