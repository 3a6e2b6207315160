"""Photos and videos named on the command line, as images with positions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpr_core.config import ComputeConfig
    from vpr_data import ImageSet

__all__ = ["FRAMES_FOLDER", "Photos"]

FRAMES_FOLDER = "frames"
"""In a map of a video: its frames as images, which the answers of a search are shown by."""


class Photos:
    """Images below a folder, or frames of a video (written below ``output``), listed once, when first asked for.

    Which pixels a video may have is said by the run file, which is read first; the network may start from the images.

    Args:
        source: folder or video.
        output: of the extraction.
        every: between frames of a video.
        gpx: a receiver's track.
        gpx_offset: seconds added to the images' times.
        quiet: no progress.
    """

    def __init__(
        self, source: Path, *, output: Path, every: str | None, gpx: Path | None, gpx_offset: float, quiet: bool
    ) -> None:
        self.source, self.output, self.every = source, output, every
        self.gpx, self.gpx_offset, self.quiet = gpx, gpx_offset, quiet
        self._found: ImageSet | None = None

    def __call__(self, compute: ComputeConfig) -> ImageSet:
        """Return the images; say what is remarkable.

        Raises:
            UsageError: ``every`` for a folder, or a video that cannot be read.
            FileNotFoundError: nothing is there.
        """
        if self._found is None:
            self._found = self._listed(compute.max_pixels)
        return self._found

    def _listed(self, max_pixels: int) -> ImageSet:
        from vpr_core import UsageError
        from vpr_data.tables.photos import open_photos

        folder = self.source
        if folder.is_file():
            frames = self.output / FRAMES_FOLDER
            folder = _frames(folder, frames, every=self.every or "1s", max_pixels=max_pixels, quiet=self.quiet)
        elif self.every is not None:
            raise UsageError(f"--every takes frames of a video; {folder} is no video but a folder of images")
        photos = open_photos(folder, gpx=self.gpx, gpx_offset=self.gpx_offset)
        for note in photos.notes:
            print(f"warning: {note}", file=sys.stderr)
        return photos.images


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
