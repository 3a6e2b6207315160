"""Errors at the border: message and exit code for each kind, never a traceback for what a user can put right."""

from __future__ import annotations

import errno
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vpr_core import ConfigError, ConfigFault, PluginError, UsageError
from vpr_runner.cli import app as app_module
from vpr_runner.cli import main
from vpr_runner.cli.telling import told


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


def run(error: BaseException, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    def failing(given: list[str]) -> int:
        assert "--traceback" not in given
        raise error

    monkeypatch.setattr(app_module, "command", failing)
    return main(["train", *arguments])


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("k: 0 is too small"), 2, "error: k: 0 is too small"),
        (ConfigError([ConfigFault("train.lr", "got x"), ConfigFault("seed", "got y")]), 2, "2 faults"),
        (ValueError("queries must not be empty"), 2, "error: queries must not be empty"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.jpg"), 2, "a.jpg: no such file or directory"),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), 2, "runs: permission denied"),
        (FileNotFoundError("images.csv: names no image"), 2, "error: images.csv: names no image"),
        (PluginError("vpr-x 1.0 breaks"), 1, "error: vpr-x 1.0 breaks"),
        (OSError(errno.ENOSPC, "No space left on device", "x.npy"), 1, "x.npy: no space left on device"),
        (ModuleNotFoundError("No module named 'timm'"), 1, "No module named 'timm'"),
        (OutOfMemoryError("CUDA out of memory"), 1, "train.micro_batch"),
        (MemoryError(), 1, "compute.batch"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (SystemExit(143), 143, "terminated"),
        (SystemExit(3), 3, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_message_and_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("VPR_TRACEBACK", raising=False)
    assert run(error, monkeypatch) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        run(KeyError("bug"), monkeypatch)


def test_traceback_on_request(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ValueError("x is wrong"), monkeypatch, "run.yaml", "--traceback") == 2
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("VPR_TRACEBACK", "1")
    assert run(UsageError("x is wrong"), monkeypatch) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "trian"),
        (["train"], "RUN.yaml"),
        (["train", "run.yaml", "--sett", "a=b"], "--sett"),
        (["train", "run.yaml", "--seed", "one"], "--seed"),
        (["train", "run.yaml", "--epochs", "3"], "--set train.epochs=..."),
        (["eval", "run.yaml", "--recall-at", "3"], "--set eval.recall_at=..."),
        (["train", "run.yaml", "--set", "pooling={type:", "gem}"], "--set 'image.size=[480, 640]'"),
    ],
)
def test_wrong_command_lines(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "--help" in captured.err or "-h" in captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["data", "info", "pitts30k"], "error: pitts30k: say where it lies with --root DIR"),
        (["data", "fetch", "pitts"], "error: pitts: no published set of that name; there are pitts30k, pitts250k"),
        (["data", "fetch", "city"], "`vpr data info` takes it as it is"),
    ],
)
def test_data_sets_that_are_not_there(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "--traceback" not in told


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_unwind_and_leave_by_their_code(number: signal.Signals, code: int, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import signal, sys, time\n"
        # A shell starts background jobs with SIGINT ignored, and children inherit that.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from vpr_runner.cli import app, main\n"
        "def work(arguments):\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "    finally:\n"
        "        print('saved', flush=True)\n"
        "app.command = work\n"
        "sys.exit(main(['train']))\n"
    )
    with subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert out == "saved\n"
    assert "goes on from there" in err
    assert "Traceback" not in err


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m vpr_runner.cli plugins --json | head -c 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "{"
    assert "Error" not in done.stderr


def test_what_the_engine_reports_is_told_on_stderr_once(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("vpr_runner.anything")
    for level, lines in ((logging.INFO, ["an epoch is done", "warning: odd"]), (logging.WARNING, ["warning: odd"])):
        with told(level):
            log.info("%s is done", "an epoch")
            log.warning("odd")
        assert capsys.readouterr().err.splitlines() == lines
    log.info("nobody listens")
    assert capsys.readouterr().err == ""
