"""Which code and which weights a network is, and what goes wrong while it is fetched."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
import torch

from vpr_torchhub import load
from vpr_torchhub.origin import careful_downloads, commit_of, weights_sha256
from vpr_torchhub.plugin import vpr_backbones

SPECS = {spec.name: spec for spec in vpr_backbones()}
AGREED = {"accept_licence": True, "trust_repo": True}
COMMIT, OTHER = "0123456789abcdef0123456789abcdef01234567", "f" * 40


def test_the_digest_of_weights_is_of_names_shapes_types_and_values() -> None:
    layer = torch.nn.Linear(2, 3)
    before = weights_sha256(layer)
    assert before == weights_sha256(layer)
    assert weights_sha256(layer.double()) != before
    layer.float()
    with torch.no_grad():
        layer.weight.view(-1)[5] += 1e-6
    assert weights_sha256(layer) != before
    assert weights_sha256(torch.nn.Identity()) == ""
    scalars = torch.nn.BatchNorm1d(2).to(torch.bfloat16)  # a number without dimensions, a type that numpy lacks
    assert len(weights_sha256(scalars)) == 64


@pytest.mark.parametrize("how", ["detached", "loose", "packed"])
def test_the_commit_of_a_checkout_is_read_from_gits_files(tmp_path: Path, how: str) -> None:
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(COMMIT + "\n" if how == "detached" else "ref: refs/heads/main\n")
    if how == "loose":
        (git / "refs" / "heads" / "main").write_text(COMMIT + "\n")
    (git / "packed-refs").write_text(f"# pack-refs\n{OTHER} refs/heads/other\n{COMMIT} refs/heads/main\n")
    assert commit_of(repository="a/b", ref=None, local=tmp_path) == COMMIT


@pytest.mark.parametrize("head", ["", "ref: ../../secret\n", "nothing", "\xff"])
def test_a_folder_that_is_no_checkout_has_no_commit(tmp_path: Path, head: str) -> None:
    assert commit_of(repository="a/b", ref=None, local=tmp_path) == ""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert commit_of(repository="a/b", ref=None, local=tmp_path) == ""


def test_the_commit_of_an_archive_is_noted_when_it_is_fetched(tmp_path: Path, monkeypatch) -> None:
    """GitHub writes it into the archive's comment; torch.hub unpacks the archive and forgets it."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def fetch(url: str, to: str, **settings: object) -> None:
        with zipfile.ZipFile(to, "w") as archive:
            archive.writestr("b-main/hubconf.py", "")
            archive.comment = COMMIT.encode()

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    with careful_downloads():
        torch.hub.download_url_to_file("https://github.com/a/b/zipball/main", str(tmp_path / "main.zip"))
        torch.hub.download_url_to_file("https://example.org/weights.pth", str(tmp_path / "weights.pth"))
    assert torch.hub.download_url_to_file is fetch
    (tmp_path / "a_b_main").mkdir()
    for ref in (None, "main"):
        assert commit_of(repository="a/b", ref=ref, local=None) == COMMIT
    assert commit_of(repository="a/b", ref="v2", local=None) == ""
    assert commit_of(repository="a/b", ref=OTHER, local=None) == OTHER
    assert [path.name for path in tmp_path.glob("*.commit")] == ["a_b_main.commit"]


def test_a_built_network_says_where_it_comes_from(folder: Path, checkout) -> None:
    spec = SPECS["hub_salad"]
    first, again, other = (spec.build(spec.config(**AGREED, local=place)) for place in (folder, folder, checkout(0.7)))
    assert first.origin.repository == "serizba/salad"
    assert first.origin.entry == "dinov2_salad"
    assert len(first.origin.weights_sha256) == 64
    assert first.origin == again.origin
    assert first.origin.weights_sha256 != other.origin.weights_sha256


def test_offline_without_a_ref_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As torch.hub itself finds out: no ref, nothing cached, no network."""
    from urllib.error import URLError

    def refuse(*arguments: object, **settings: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    spec = SPECS["hub_megaloc"]
    with pytest.raises(ConnectionError, match=r"^gmberton/MegaLoc get_trained_model: cannot be fetched \(") as caught:
        spec.build(spec.config(**AGREED))
    text = str(caught.value)
    assert "\n" not in text
    assert "HF_HOME" in text  # MegaLoc's weights are Hugging Face's
    spec = SPECS["hub_salad"]
    with pytest.raises(ConnectionError, match="TORCH_HOME"):
        spec.build(spec.config(**AGREED))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("fails", r"its code failed \(RuntimeError: Error\(s\) in loading state_dict for Net:\); .*pin 'ref'"),
        ("exits", r"its code ended the process \(exit 3\)"),
    ],
)
def test_code_that_fails_is_one_line(folder: Path, entry: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        load("a/b", entry, local=folder)
    assert "\n" not in str(caught.value)


def test_the_code_does_not_see_our_arguments(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys, "argv", ["vpr", "eval", "run.yaml", "--json"])
    assert isinstance(load("a/b", "parses_arguments", local=folder), torch.nn.Module)
    assert sys.argv == ["vpr", "eval", "run.yaml", "--json"]


def test_a_name_that_an_entry_had_before_is_tried(folder: Path) -> None:
    assert isinstance(load("a/b", "not_there", "EDTformer", local=folder), torch.nn.Module)
    with pytest.raises(ValueError, match="has no entry point 'nor_this'"):
        load("a/b", "not_there", "nor_this", local=folder)


KILLED = """
import os, sys
import torch
torch.hub.get_dir = lambda: sys.argv[1]
def half(url, to, **settings):
    with open(to + ".a1.partial", "wb") as file:
        file.write(b"half")
    os.kill(os.getpid(), 9)
torch.hub.download_url_to_file = half
from vpr_torchhub.origin import careful_downloads
with careful_downloads():
    torch.hub.download_url_to_file("https://example.org/weights.pth", sys.argv[1] + "/weights.pth")
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_what_a_killed_download_of_a_repositorys_code_leaves_goes_with_the_next(tmp_path: Path, monkeypatch) -> None:
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert len(list(tmp_path.rglob("*.partial"))) == 1
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda url, to, **settings: Path(to).write_bytes(b"whole"))
    with careful_downloads():
        torch.hub.download_url_to_file("https://example.org/weights.pth", str(tmp_path / "weights.pth"))
    assert [path.name for path in tmp_path.rglob("*")] == ["weights.pth"]
