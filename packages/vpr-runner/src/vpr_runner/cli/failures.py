"""What a user reads when something goes wrong, and the exit code that goes with it."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Protocol, TypeGuard

from vpr_runner.files.terminal import visible

__all__ = ["DONE", "FAILED", "INTERRUPTED", "TERMINATED", "USAGE", "Terminated", "explain"]

DONE, FAILED, USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143

HINT = "(--traceback or VPR_TRACEBACK=1 shows where this comes from)"
_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENOMEM}


class _ClickError(Protocol):
    exit_code: int

    def show(self) -> None: ...


class Terminated(SystemExit):
    """SIGTERM arrived; the engine has had its chance to save state on the way up."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(128 + signal_number)


def explain(error: BaseException, *, show_traceback: bool) -> int:
    """Print ``error`` on stderr as its kind deserves, and return the exit code.

    Raises:
        BaseException: the error itself, when it is neither the user's nor the machine's: that is a fault of ours, and
            its traceback is what we want to be sent.
    """
    if isinstance(error, KeyboardInterrupt):
        _say("interrupted; what was finished is kept, the same command goes on from there")
        return INTERRUPTED
    if isinstance(error, SystemExit):
        return _exit(error)
    if _is_click(error):
        error.show()
        from vpr_runner.cli.advice import advice

        helpful = advice(error)
        if helpful:
            _say(helpful)
        return int(error.exit_code)
    if isinstance(error, BrokenPipeError):
        _silence_stdout()
        return FAILED
    kind = _kind(error)
    if kind is None:
        raise error
    code, hint = kind
    if show_traceback:
        traceback.print_exception(error, file=sys.stderr)
    else:
        _say(f"error: {_text(error)}")
        if hint:
            _say(HINT)
    return code


def _kind(error: BaseException) -> tuple[int, bool] | None:
    """Return (exit code, whether to mention the traceback), or None for an error that nobody foresaw."""
    from vpr_core import UsageError, VPRError

    if isinstance(error, UsageError):
        return USAGE, False
    if isinstance(error, VPRError):
        return FAILED, True
    if isinstance(error, OSError):
        return (FAILED if error.errno in _MACHINE else USAGE), False
    # Leaves raise ValueError for what they were given; KeyError and its like stay faults of ours.
    if isinstance(error, ValueError):
        return USAGE, True
    if isinstance(error, ModuleNotFoundError):
        return FAILED, True
    if _out_of_memory(error):
        return FAILED, True
    return None


def _out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: of Python, of an accelerator, or of torch's CPU allocator, whose error has no kind."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and ("DefaultCPUAllocator" in str(error) or "bad_alloc" in str(error))


def _is_click(error: BaseException) -> TypeGuard[_ClickError]:
    # By shape: Typer has its own copy of click since 0.26, and an abort has no message.
    return hasattr(error, "show") and hasattr(error, "exit_code")


def _text(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        # "[Errno 2] No such file or directory: 'x'" says it backwards.
        name = f"{error.filename}: " if error.filename is not None else ""
        text = f"{name}{error.strerror[0].lower()}{error.strerror[1:]}"
    if type(error).__name__ == "UnreadableImagesError":  # its text speaks to callers from Python
        text += "\nthe command skips, counts and lists them with --set compute.on_bad_image=skip"
    if _out_of_memory(error):
        text = text.splitlines()[0] + (
            "\nless memory is needed with --set compute.batch=4 or --set train.micro_batch=4, or with smaller images"
            " (image.size, image.longest)"
        )
    return text


def _exit(error: SystemExit) -> int:
    code = error.code
    if isinstance(error, Terminated) or code == TERMINATED:
        _say("terminated; what was finished is kept, the same command goes on from there")
        return TERMINATED
    if isinstance(code, str):
        _say(code)
        return FAILED
    return code if isinstance(code, int) else DONE


def _say(line: str) -> None:
    print(visible(line), file=sys.stderr, flush=True)


def _silence_stdout() -> None:
    # The reader (``| head``) has left: Python would complain once more when it flushes stdout at exit.
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
