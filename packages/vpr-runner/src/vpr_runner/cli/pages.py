"""Options and files that ``vpr search`` and ``vpr eval`` share: a page, and tables for other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vpr_runner.pages.shown import Shown

__all__ = ["CsvOption", "GeojsonOption", "HtmlOption", "KmlOption", "Pages", "TilesOption"]

HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE.html", help="Write a page: a map, photos, answers, tables.")
]
TilesOption = Annotated[
    str | None,
    typer.Option(
        "--tiles", metavar="URL", help="With --html: map tiles below it, such as https://HOST/{z}/{x}/{y}.png."
    ),
]
GeojsonOption = Annotated[
    Path | None, typer.Option("--geojson", metavar="FILE", help="Write places and errors as GeoJSON.")
]
KmlOption = Annotated[Path | None, typer.Option("--kml", metavar="FILE", help="The same as KML.")]
CsvOption = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the answers as CSV.")]


@dataclass(frozen=True, kw_only=True)
class Pages:
    """What is to be written of answers.

    Raises:
        UsageError: ``tiles`` cannot be: said before anything takes time.
    """

    html: Path | None
    tiles: str | None
    geojson: Path | None
    kml: Path | None
    csv: Path | None

    def __post_init__(self) -> None:
        from vpr_core import UsageError

        if self.tiles is None:
            return
        if self.html is None:
            raise UsageError("--tiles: belongs to a page; name one with --html FILE.html")
        from vpr_runner.pages.tiles import Tiles

        Tiles.at(self.tiles)

    def __bool__(self) -> bool:
        return any(file is not None for file in (self.html, self.geojson, self.kml, self.csv))

    def check(self, *, tied: bool) -> None:
        """Refuse files that hold latitudes and longitudes, before anything takes time, where nothing has one."""
        from vpr_core import UsageError

        for option, value in (("--geojson", self.geojson), ("--kml", self.kml), ("--tiles", self.tiles)):
            if value is not None and not tied:
                raise UsageError(f"{option}: the data set has no latitudes and longitudes; --csv and --html say metres")

    def write(self, page: Callable[[], Shown], whole: Callable[[], Shown] | None = None) -> None:
        """Write the files.

        Args:
            page: what the page shows.
            whole: what the tables list; None: the same.
        """
        from vpr_runner.files import atomic
        from vpr_runner.pages.exports import as_csv, as_geojson, as_kml
        from vpr_runner.pages.page import write_page
        from vpr_runner.pages.tiles import Tiles

        if self.html is not None:
            write_page(self.html, page(), tiles=None if self.tiles is None else Tiles.at(self.tiles))
        for file, form in ((self.geojson, as_geojson), (self.kml, as_kml), (self.csv, as_csv)):
            if file is not None:
                atomic.write_text(file, form((whole or page)()))
