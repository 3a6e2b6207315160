"""From the process's arguments to its exit code."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any

from vpr_runner.cli.bash_words import whole_words
from vpr_runner.cli.failures import INTERRUPTED, Terminated, explain
from vpr_runner.cli.telling import told
from vpr_runner.files.terminal import visible_output

__all__ = ["main"]

TRACEBACK_VARIABLE = "VPR_TRACEBACK"
SELDOM = 50_000
"""New objects between two looks for cyclic garbage, 700 by default: what a start makes are modules and classes, which
stay, and looking through them again and again is a tenth of what `vpr validate` takes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``vpr`` and return its exit code: 0 done, 1 failed, 2 asked for wrongly, 130 interrupted, 143 terminated."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    show_traceback = "--traceback" in arguments or os.environ.get(TRACEBACK_VARIABLE, "") not in {"", "0"}
    arguments = [argument for argument in arguments if argument != "--traceback"]
    # Before torch loads OpenMP. Its threads otherwise wait by spinning, which on cores that are shared with decoding
    # threads or another process makes every layer ten times slower (measured: 320 ms for 20 ms).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    bars = os.environ.get("TQDM_DISABLE")
    quiet = bool({"--quiet", "-q"} & set(arguments))
    if quiet:
        os.environ["TQDM_DISABLE"] = "1"  # what reaches the bars of data sets, which know of no command line
    thresholds = gc.get_threshold()
    gc.set_threshold(SELDOM, *thresholds[1:])
    previous = _install(signal.SIGTERM)
    of_its_own = arguments[:1] == ["bench"]  # a line a cell, instead of each training's
    try:
        from vpr_runner.cli.app import command

        with whole_words(os.environ), visible_output(), told(logging.WARNING if quiet or of_its_own else logging.INFO):
            code = command(arguments)
        # Typer turns an interrupt into this code without a word.
        return explain(KeyboardInterrupt(), show_traceback=False) if code == INTERRUPTED else code
    except BaseException as error:  # noqa: BLE001 - this is the border between exceptions and exit codes
        return explain(error, show_traceback=show_traceback)
    finally:
        gc.set_threshold(*thresholds)
        if bars is None:
            os.environ.pop("TQDM_DISABLE", None)
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _install(number: signal.Signals) -> Any:
    """Turn SIGTERM into an exception, so that every ``finally`` and ``with`` on the way out does its work."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def terminate(received: int, frame: FrameType | None) -> None:
        raise Terminated(received)

    return signal.signal(number, terminate)
