"""``python -m bench.where MODEL --learn val --report test``: how far off estimates are on an area not learnt from.

The map of one split's database is asked for that split's queries, and the calibration learnt from the answers: scale,
reach, threshold, radius. With that calibration the map of another split's database, which covers other ground, is asked
for its own queries; what is written is of those.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.where.asking import asked_in
from vpr_runner.cli.model import open_model
from vpr_runner.data import fingerprint_of_data, open_dataset, split_named
from vpr_runner.files.atomic import write_json
from vpr_runner.files.provenance import provenance
from vpr_runner.locate.calibrate import learn
from vpr_runner.locate.judge import as_text, judge_elsewhere
from vpr_runner.network.architecture import Architecture
from vpr_runner.network.storage import fingerprint


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn on one area, report on another."""
    parser = argparse.ArgumentParser(prog="python -m bench.where", description=__doc__)
    parser.add_argument("model", type=Path, help="run directory, model file or run file")
    parser.add_argument("--learn", required=True, metavar="SPLIT")
    parser.add_argument("--report", required=True, metavar="SPLIT")
    parser.add_argument("--named", default="", help="the network, in words")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")
    parser.add_argument("--within", type=float, default=25.0)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    retriever, config, registry = open_model(
        options.model, settings=options.settings, builds={"dataset", "index", "runtime"}, quiet=True
    )
    dataset = open_dataset(config.dataset, registry)
    areas = {}
    with tempfile.TemporaryDirectory(prefix="vpr-where-") as temporary:
        for name in (options.learn, options.report):
            split = split_named(dataset, name, purpose="bench.where")
            areas[name] = asked_in(split, retriever, config, registry, folder=Path(temporary) / name)
    here, there = areas[options.learn], areas[options.report]
    learnt = learn(
        here.asked,
        here.places,
        floor=here.floor,
        within=options.within,
        learnt=f"queries of the split {options.learn}",
        rows="",
    )
    found = judge_elsewhere(there.asked, there.places, learnt, floor=there.floor)
    write_json(
        options.output,
        {
            "network": options.named,
            "model": fingerprint(retriever, Architecture.of(config)),
            "data": fingerprint_of_data(dataset),
            "dataset": config.dataset.type,
            "learnt_on": options.learn,
            "reported_on": options.report,
            "calibration": learnt.to_json(),
            "evaluation": found,
            "provenance": provenance(),
        },
    )
    _, _, text = as_text(found).partition("\n")
    print(
        f"learnt on {options.learn}, {len(here.asked)} photos; on {options.report}, {found['photos']} photos:\n{text}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
