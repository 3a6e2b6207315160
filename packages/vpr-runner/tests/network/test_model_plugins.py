"""A model is data: it may name a plug-in of this user's, and brings no program of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from vpr_core import UsageError
from vpr_runner.cli.model import open_model

EVIL = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """A run directory from elsewhere; its network is not looked at before its plug-ins."""
    (tmp_path / "download" / "model").mkdir(parents=True)
    return tmp_path / "download"


def naming(download: Path, plugin: str) -> Path:
    (download / "model" / "model.json").write_text(json.dumps({"config": {"plugins": [plugin]}}))
    return download


@pytest.mark.fault
@pytest.mark.parametrize("where", ["evil.py", "model/evil.py", "../download/evil.py"])
@pytest.mark.parametrize("relative", [True, False])
def test_code_that_came_with_a_model_does_not_run(
    download: Path, monkeypatch: pytest.MonkeyPatch, where: str, relative: bool
) -> None:
    monkeypatch.chdir(download)
    evil = download / where
    evil.write_text(EVIL)
    with pytest.raises(UsageError, match=r"names the plug-in .*evil.py.*A plug-in is a program: read it"):
        open_model(naming(download, where if relative else str(evil)))
    assert not evil.with_suffix(".ran").exists()


@pytest.mark.fault
@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no user numbers here")
def test_code_of_another_user_does_not_run(download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = tmp_path / "evil.py"
    evil.write_text(EVIL)
    monkeypatch.setattr(os, "getuid", lambda: evil.stat().st_uid + 1)
    if evil.stat().st_uid == 0:
        os.chown(evil, 12345, -1)
    with pytest.raises(UsageError, match="which belongs to another user"):
        open_model(naming(download, str(evil)))
    assert not evil.with_suffix(".ran").exists()


def test_what_is_named_on_the_command_line_runs_and_this_users_own_file_only_then(
    download: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.py"
    own.write_text(EVIL)
    with pytest.raises(UsageError, match=r"own\.py', which this command does not.*--plugin .*own\.py"):
        open_model(naming(download, str(own)), quiet=True)
    assert not own.with_suffix(".ran").exists()
    inside = download / "inside.py"
    inside.write_text(EVIL)
    for plugin in (own, inside):
        with pytest.raises(UsageError, match=r"there is no model yet|no model there"):
            open_model(naming(download, str(plugin)), plugins=[plugin], quiet=True)
        assert plugin.with_suffix(".ran").exists()


@pytest.mark.fault
def test_another_way_to_the_same_file_is_no_way_past_the_question(
    download: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a folder of the reader's, a link, and from one folder deeper."""
    evil = download / "evil.py"
    evil.write_text(EVIL)
    monkeypatch.chdir(download)
    (download.parent / "link").symlink_to(download, target_is_directory=True)
    for path in (
        "/proc/self/cwd/evil.py",
        str(download.parent / "link" / "evil.py"),
        str(download / "model" / ".." / "evil.py"),
    ):
        with pytest.raises(UsageError, match="A plug-in is a program"):
            open_model(naming(download, path) / "model", quiet=True)
    assert not evil.with_suffix(".ran").exists()
