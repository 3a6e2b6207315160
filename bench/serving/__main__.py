"""``nox -s load``: requests a second, percentiles and memory of `vpr serve`, written below bench/results."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.made_map import made_map
from bench.serving.loaded import served, visited
from bench.serving.table import markdown, update_document
from bench.speed.network import REGISTRY, make_config, write_photographs
from vpr_runner import assemble
from vpr_runner.files.atomic import write_json
from vpr_runner.files.provenance import provenance

SIZE, SMALL = (480, 640), (96, 128)
NETWORKS: dict[str, dict[str, Any]] = {
    "ResNet-18 to layer3, NetVLAD 4,096": {"pooling": {"type": "netvlad", "num_clusters": 16}},
    "tiny CNN, NetVLAD 2,048": {
        "backbone": {"type": "tiny"},
        "pooling": {"type": "netvlad", "num_clusters": 16},
        "image": {"size": [96, 128]},
    },
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both networks; of the small one memory over many requests too."""
    parser = argparse.ArgumentParser(prog="nox -s load --", description=__doc__)
    parser.add_argument("--images", type=int, default=10_000, help="in the map")
    parser.add_argument("--seconds", type=float, default=20, help="for each number of visitors")
    parser.add_argument("--requests", type=int, default=10_000, help="after which memory is looked at")
    parser.add_argument("--visitors", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--note", default="", help="what else the machine did")
    parser.add_argument("--output", type=Path, default=Path("bench/results/serve.json"))
    parser.add_argument("--into", type=Path, help="rewrite this document's table from --output; measure nothing")
    options = parser.parse_args(arguments)
    if options.into is not None:
        update_document(options.into, json.loads(options.output.read_text(encoding="utf-8")))
        return 0
    how = {**provenance(), "load_before": os.getloadavg()[0], "note": options.note}
    runs, memory = [], {}
    with tempfile.TemporaryDirectory(prefix="vpr-load-") as temporary:
        root = Path(temporary)
        write_photographs(root / "photos", 16, size=SIZE)
        write_photographs(root / "small", 16, size=SMALL)
        for number, (name, blocks) in enumerate(NETWORKS.items()):
            config = make_config(root, **blocks)
            network = assemble(config, REGISTRY).eval()
            folder = made_map(root / f"map{number}", network, config, images=options.images)
            last = number == len(NETWORKS) - 1
            with served(folder) as service:
                for visitors in options.visitors:
                    found = visited(service, root / "photos", visitors=visitors, seconds=options.seconds)
                    runs.append({"network": name, "dim": network.out_dim, **found})
                    say(f"{name}, {visitors} at once: {found}")
                if last:
                    memory = {"network": name, "held": _held(service, root / "small", options.requests)}
    result = {
        "provenance": how,
        "map": {"images": options.images},
        "photo": f"JPEG {SIZE[1]}x{SIZE[0]}, of about 75 KB; for memory {SMALL[1]}x{SMALL[0]}",
        "runs": runs,
        "memory": memory,
    }
    write_json(options.output, result)
    print(markdown(result))
    return 0


def _held(service: Any, photos: Path, requests: int) -> list[dict[str, float]]:
    """Return resident memory after more and more requests of four visitors, until there were ``requests``."""
    found: list[dict[str, float]] = [{"requests": 0, "mebibytes": round(service.mebibytes, 1)}]
    asked = 0
    while asked < requests:
        asked += visited(service, photos, visitors=4, seconds=15)["requests"]
        found.append({"requests": asked, "mebibytes": round(service.mebibytes, 1)})
        say(f"after {asked} more requests: {found[-1]['mebibytes']} MiB")
    return found


def say(line: str) -> None:
    """Tell the person who waits."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
