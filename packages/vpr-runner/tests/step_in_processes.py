"""One step, and one encoding, under ``torchrun``: ``step_in_processes.py ROOT OUT``; rank 0 writes ``OUT``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from vpr_core import build_registry
from vpr_runner import assemble
from vpr_runner.data import split_of
from vpr_runner.distributed import process_group
from vpr_runner.encoding.compute import Compute
from vpr_runner.encoding.encode import encode_all
from vpr_runner.encoding.source import ImageSource, JoinedImages
from vpr_runner.training.batches import tuple_batches
from vpr_runner.training.state import MinedTuples
from vpr_runner.training.steps import Stepper


def main() -> None:
    torch.set_num_threads(1)
    registry = build_registry(plugin_files=[Path(__file__).with_name("engine_components.py")])
    config = registry.run_config_model().model_validate_json(Path(sys.argv[1]).read_text())
    compute = Compute.of(config.compute, config.image)
    with process_group(compute.device) as ranks:
        split = split_of(config.dataset, registry, name=config.eval.split)
        retriever = assemble(config, registry)
        source = ImageSource(JoinedImages(split.queries, split.database))
        rows, _ = encode_all(retriever, source, compute=compute, ranks=ranks)
        # Three tuples for two processes; the last teaches nothing.
        tuples = MinedTuples(
            query=torch.tensor([0, 1, 2, 3]),
            positives=torch.tensor([[0], [1], [2], [3]]),
            negatives=torch.tensor([[4, 5], [5, 6], [7, -1], [-1, -1]]),
        )
        _, batch = next(tuple_batches(tuples, size=4, queries=len(split.queries)))
        share = batch.share(ranks)
        inputs = next(source.groups([share.images], compute))
        optimizer = torch.optim.SGD(retriever.parameters(), lr=0.0)
        stepper = Stepper(optimizer=optimizer, compute=compute, ranks=ranks)
        loss = registry.build("loss", config.loss)
        total, count = stepper.step(retriever, inputs, lambda d: share.terms(loss, d), seed=0)
        gradient = torch.cat([p.grad.flatten() for p in retriever.parameters() if p.grad is not None])
        if ranks.is_main:
            found = {"world": ranks.world, "total": total, "count": count, "gradient": gradient.tolist()}
            Path(sys.argv[2]).write_text(json.dumps({**found, "rows": rows.tolist()}))


if __name__ == "__main__":
    main()
