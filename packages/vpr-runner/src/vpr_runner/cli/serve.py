"""``vpr serve``: a map behind HTTP."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vpr_runner.cli.options import DeviceOption, PluginOption

__all__ = ["serve"]

EPILOG = """\b
Examples:
  vpr serve map/                                     http://127.0.0.1:8321: drop a photo, see where it was taken
  curl --data-binary @query.jpg http://127.0.0.1:8321/search
  VPR_TOKEN=secret vpr serve map/ --host 0.0.0.0     for others too, who must know the token

  vpr serve map/ --add photos/                       POST /images adds photos to that folder and to the map
  curl -F photos=@new.jpg http://127.0.0.1:8321/images

POST /search takes an image, POST /search/batch several as a form; GET /healthz, /metrics and /openapi.json say how the
service is. Needs an extra: pip install '.[serve]' at the top of the checkout.
Nothing is kept of a photo that is only looked up."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    database: Annotated[
        Path, typer.Argument(metavar="MAP", help="Folder that `vpr extract` wrote.", show_default=False)
    ],
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="N", help="0: any free one.")] = 8321,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="WORD", envvar="VPR_TOKEN", help="That requests must carry."),
    ] = None,
    add: Annotated[
        Path | None,
        typer.Option("--add", metavar="PHOTOS", help="Folder the map was made of; POST /images adds to both."),
    ] = None,
    upload: Annotated[int, typer.Option("--max-upload", min=1, metavar="BYTES", help="Of one photo.")] = 20_000_000,
    pixels: Annotated[int, typer.Option("--max-pixels", min=1, metavar="N", help="Of one photo.")] = 50_000_000,
    waiting: Annotated[int, typer.Option("--max-waiting", min=1, metavar="N", help="Requests at once.")] = 16,
    plugin: PluginOption = None,
    device: DeviceOption = None,
) -> None:
    """Answer over HTTP where photos were taken."""
    from vpr_core import UsageError

    if host not in LOOPBACK and not token:
        raise UsageError(
            f"--host {host}: others could ask this map; set a token that they must know (VPR_TOKEN=..., or --token)"
        )
    try:
        from vpr_runner.serving.application import application
        from vpr_runner.serving.listening import serve as listen
    except ModuleNotFoundError as error:
        raise UsageError(f"vpr serve needs {error.name}: pip install '.[serve]' at the top of the checkout") from error
    from vpr_runner.locate.locator import Locator
    from vpr_runner.serving.limits import Limits

    if add is not None:
        _bring_up_to_date(database, add, plugins=plugin or (), device=device)
    where = Locator.open(database, device=device, plugins=plugin or ())
    limits = Limits(upload=upload, pixels=pixels, waiting=waiting)
    # A page elsewhere may have its name lead to this machine: without a token it must not be answered.
    hosts = None if token else LOOPBACK
    app = application(where, limits=limits, token=token, hosts=hosts, photos=add)
    shown = f"[{host}]" if ":" in host else host

    def ready(port: int, _: object) -> None:
        print(f"{len(where.map.places.names)} images; http://{shown}:{port} (Ctrl-C ends it)", file=sys.stderr)

    listen(app, host=host, port=port, connections=4 * waiting, ready=ready)


def _bring_up_to_date(database: Path, photos: Path, *, plugins: Sequence[Path], device: str | None) -> None:
    """Add what lies in the folder of photos and is not in the map, an addition that was killed among it."""
    from vpr_core import build_registry
    from vpr_runner.maps.adding import add_photos

    added = add_photos(database, photos, build_registry(plugin_files=list(plugins)), device=device, progress=True)
    if added.new:
        print(f"{len(added.new)} photos of {photos} were not in the map and are now", file=sys.stderr)
