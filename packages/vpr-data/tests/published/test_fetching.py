from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from vpr_data import fetch
from vpr_data.published import catalogue, fetching
from vpr_data.published.catalogue import Counts, Download, Published
from vpr_data.published.fetching import extract_archive
from vpr_data.published.partial import partial_file


def tar(*members, mode="w:gz"):
    """An archive of (name, content) files, or of ready members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()


def special(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.fixture
def server():
    """A web server of this machine; its ``files`` map a path to (content, type, announced length)."""
    files: dict[str, tuple[bytes, str, int | None]] = {}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path not in files:
                self.send_error(404)
                return
            content, kind, length = files[self.path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content) if length is None else length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    running.files, running.asked = files, asked
    running.url = f"http://127.0.0.1:{running.server_address[1]}"
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def offer(server, monkeypatch):
    def offered(*downloads):
        entry = Published(name="toy", counts={"test": Counts(1, 1)}, downloads=downloads, layout="images/a.jpg")
        monkeypatch.setitem(catalogue.PUBLISHED, "toy", entry)

    return offered


def left(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_fetching_fills_the_root_and_does_not_fetch_twice(server, offer, tmp_path):
    archive = tar(("deep/images/a.jpg", b"A"), ("deep/images/b.jpg", b"B"), ("deep/._b.jpg", b"junk"))
    server.files["/images.tgz"] = (archive, "application/gzip", None)
    server.files["/corrupt.txt"] = (b"b.jpg\n", "text/plain", None)
    offer(
        Download(server.url + "/images.tgz", "images", "images", hashlib.sha256(archive).hexdigest()),
        Download(server.url + "/corrupt.txt", "corrupt.txt", "list"),
    )
    root = tmp_path / "new" / "root"
    assert fetch("toy", root=root, progress=False) == [root / "images", root / "corrupt.txt"]
    assert left(root) == ["corrupt.txt", "images/.images.tgz.fetched", "images/a.jpg", "images/b.jpg"]
    assert (root / "images/b.jpg").read_bytes() == b"B"
    assert fetch("toy", root=root, progress=False) == []
    assert server.asked == ["/images.tgz", "/corrupt.txt"]


@pytest.mark.fault
def test_what_an_archive_held_is_on_the_disk_before_it_counts_as_fetched(server, offer, tmp_path, monkeypatch):
    server.files["/y.tgz"] = (tar(("a.jpg", b"A"), ("b.jpg", b"B")), "application/gzip", None)
    offer(Download(server.url + "/y.tgz", "images", "images"))
    folder, flush, flushed = tmp_path / "images", os.fsync, []

    def noted(handle):
        assert not (folder / ".y.tgz.fetched").exists()
        flush(handle)
        flushed.append(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", noted)
    fetch("toy", root=tmp_path, progress=False)
    assert (folder / ".y.tgz.fetched").exists()
    assert flushed[-3:] == [path.stat().st_ino for path in (folder / "a.jpg", folder / "b.jpg", folder)]


@pytest.mark.parametrize(
    ("answer", "sha256", "error", "message"),
    [
        ((b"<html>log in", "text/html; charset=utf-8", None), None, ValueError, "answers with a web page; open it"),
        ((b"short", "application/gzip", 50), None, OSError, "broke off after 5 of 50 bytes; run it again"),
        (
            (b"other", "application/gzip", None),
            "0" * 64,
            ValueError,
            "has SHA-256 .*, 000.* was expected; it is not used",
        ),
        ((b"no archive", "application/gzip", None), None, ValueError, r"is not a whole tar archive .*; fetch it again"),
        (None, None, OSError, "HTTP Error 404: Not Found; fetch it by hand"),
    ],
)
def test_a_bad_download_leaves_nothing_behind(server, offer, tmp_path, answer, sha256, error, message):
    if answer is not None:
        server.files["/x.tgz"] = answer
    offer(Download(server.url + "/x.tgz", "images", "images", sha256))
    with pytest.raises(error, match=message):
        fetch("toy", root=tmp_path, progress=False)
    assert left(tmp_path) == []


@pytest.mark.fault
def test_what_a_killed_download_left_goes_with_the_next_and_one_at_work_is_left_alone(server, offer, tmp_path):
    """A killed process holds no lock any more: that is all a killed one and an abandoned file have in common."""
    server.files["/x.bin"] = (b"whole", "application/octet-stream", None)
    server.files["/y.tgz"] = (tar(("a.jpg", b"A")), "application/gzip", None)
    offer(Download(server.url + "/x.bin", "x.bin", "file"), Download(server.url + "/y.tgz", "images", "images"))
    (tmp_path / "images").mkdir()
    for name in (".fetching-0vo8dqnj", ".fetching-1234", "images/.unpacking-77"):
        (tmp_path / name).write_bytes(b"half")
    busy = tmp_path / ".fetching-of-somebody"
    with partial_file(busy) as file:
        file.write(b"going on")
        fetch("toy", root=tmp_path, progress=False)
        assert left(tmp_path) == [busy.name, "images/.y.tgz.fetched", "images/a.jpg", "x.bin"]
        with pytest.raises(OSError, match="another process is at it; wait for it"), partial_file(busy):
            pass
        file.flush()
        assert busy.read_bytes() == b"going on"
    assert not busy.exists()


@pytest.mark.fault
def test_a_download_that_is_killed_leaves_a_file_that_the_next_start_takes(server, offer, tmp_path):
    script = """
import os, signal, sys
from pathlib import Path
from vpr_data.published.partial import partial_file
with partial_file(Path(sys.argv[1])) as file:
    file.write(b"half"); file.flush(); os.kill(os.getpid(), signal.SIGKILL)
"""
    part = tmp_path / ".fetching-x"
    assert subprocess.run([sys.executable, "-c", script, str(part)], check=False).returncode == -9
    assert part.read_bytes() == b"half"
    with partial_file(part) as file:
        file.write(b"w")
        file.flush()
        part.replace(tmp_path / "whole")
    assert left(tmp_path) == ["whole"]
    assert (tmp_path / "whole").read_bytes() == b"w"


def test_only_the_web_is_fetched_from(offer, tmp_path):
    offer(Download("file:///etc/passwd", "x.txt", "x"))
    with pytest.raises(ValueError, match="url must begin with https://, got 'file:///etc/passwd'"):
        fetch("toy", root=tmp_path, progress=False)
    with pytest.raises(ValueError, match="name must be one of"):
        fetch("none", root=tmp_path)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (("../out.jpg", b"x"), "an archive that leaves its folder is not unpacked"),
        (("a/../../out.jpg", b"x"), "an archive that leaves its folder is not unpacked"),
        (special("l.jpg", tarfile.SYMTYPE, "/etc/passwd"), "not unpacked"),
        (special("l.jpg", tarfile.SYMTYPE, "../../x"), "not unpacked"),
        (special("l.jpg", tarfile.SYMTYPE, "good.jpg"), "holds 'l.jpg', which is not a plain file"),
        (special("l.jpg", tarfile.LNKTYPE, "good.jpg"), "holds 'l.jpg', which is not a plain file"),
        (special("dev.jpg", tarfile.CHRTYPE), "not unpacked"),
        (special("pipe.jpg", tarfile.FIFOTYPE), "not unpacked"),
        (("elsewhere/good.jpg", b"x"), "holds two files named 'good.jpg'"),
    ],
)
def test_a_hostile_archive_is_refused(tmp_path, member, message):
    archive = tmp_path / "x.tgz"
    archive.write_bytes(tar(("good.jpg", b"G"), member))
    inside = tmp_path / "in" / "side"
    with pytest.raises(ValueError, match=message):
        extract_archive(archive, inside)
    assert left(tmp_path) == ["x.tgz"]


def test_an_absolute_name_stays_inside(tmp_path):
    archive = tmp_path / "x.tgz"
    archive.write_bytes(tar(("/abs.jpg", b"x")))
    assert extract_archive(archive, tmp_path / "in") == 1
    assert left(tmp_path) == ["in/abs.jpg", "x.tgz"]


def test_an_archive_that_unfolds_to_too_much(tmp_path, monkeypatch):
    archive = tmp_path / "x.tgz"
    archive.write_bytes(tar(("a.jpg", b"x" * 100), ("b.jpg", b"x" * 100)))
    monkeypatch.setattr(fetching, "MAX_UNPACKED", 150)
    with pytest.raises(ValueError, match="unfolds to more than"):
        extract_archive(archive, tmp_path / "in")
    assert left(tmp_path / "in") == []


def test_a_truncated_archive(tmp_path):
    archive = tmp_path / "x.tar"
    archive.write_bytes(tar(("a.jpg", b"x" * 5000), ("b.jpg", b"x" * 5000), mode="w")[:7000])
    with pytest.raises(ValueError, match="is not a whole tar archive"):
        extract_archive(archive, tmp_path / "in")
    assert left(tmp_path / "in") == []


@pytest.mark.parametrize("random", [False, True])  # stored as it is; compressed
def test_a_flipped_bit_anywhere_is_noticed_before_anything_is_written(tmp_path, random):
    content = np.random.default_rng(0).bytes(3000) if random else bytes(range(60)) * 50
    whole = tar(("a.jpg", content), ("b.jpg", content[::-1]))
    archive = tmp_path / "x.tgz"
    for position in range(10, len(whole), len(whole) // 60):  # the first ten bytes are gzip's own header: names, dates
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        archive.write_bytes(damaged)
        with pytest.raises(ValueError, match="is not a whole tar archive"):
            extract_archive(archive, tmp_path / "in")
    assert left(tmp_path / "in") == []
