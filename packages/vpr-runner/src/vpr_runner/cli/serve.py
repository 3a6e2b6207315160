"""``vpr serve``: a map behind HTTP."""

from __future__ import annotations

import sys
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

POST /search takes an image, POST /search/batch several as a form; GET /healthz, /metrics and /openapi.json say how the
service is. Needs the extra: pip install 'vpr-runner[serve]'. Nothing is kept of a photo."""

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
        import uvicorn

        from vpr_runner.serving.application import application
    except ModuleNotFoundError as error:
        raise UsageError(f"vpr serve needs {error.name}: pip install 'vpr-runner[serve]'") from error
    from vpr_runner.locate.locator import Locator
    from vpr_runner.serving.limits import Limits

    where = Locator.open(database, device=device, plugins=plugin or ())
    limits = Limits(upload=upload, pixels=pixels, waiting=waiting)
    print(f"{len(where.map.places.names)} images; http://{host}:{port} (Ctrl-C ends it)", file=sys.stderr)
    # uvicorn ends at SIGTERM: it accepts no more, and lets those that it has be answered.
    uvicorn.run(
        application(where, limits=limits, token=token),
        host=host,
        port=port,
        log_level="warning",
        limit_concurrency=4 * waiting,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=30,
        server_header=False,
    )
