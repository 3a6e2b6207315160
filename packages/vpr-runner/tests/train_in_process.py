"""A training run in a process of its own, to be killed: ``python train_in_process.py CONFIG.json FOLDER [STEP]``.

With STEP, rank 1 kills itself before that step, and the others end as the command line would.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from vpr_core import build_registry
from vpr_runner import train
from vpr_runner.cli.failures import explain
from vpr_runner.training.job import Job


def main() -> None:
    torch.set_num_threads(1)
    registry = build_registry(plugin_files=[Path(__file__).with_name("engine_components.py")])
    config = registry.run_config_model().model_validate_json(Path(sys.argv[1]).read_text())
    if len(sys.argv) > 3 and os.environ.get("RANK") == "1":
        die_before(int(sys.argv[3]))
    try:
        train(config, registry, run_directory=Path(sys.argv[2]), progress=False, checkpoint_seconds=0)
    except BaseException as error:  # noqa: BLE001 - as in vpr_runner.cli.entry
        sys.exit(explain(error, show_traceback=False))


def die_before(number: int) -> None:
    step = Job.step

    def dying(self: Job, *arguments, **settings) -> None:
        if self.state.step == number:
            os.kill(os.getpid(), signal.SIGKILL)
        step(self, *arguments, **settings)

    Job.step = dying


if __name__ == "__main__":
    main()
