"""The project's commands: ``nox -l`` lists them, ``nox -s NAME`` makes an environment and runs one.

``tests``  the whole suite.                       ``bench``  NetVLAD against its baselines, printed as a table.
``alone``  each leaf installed by itself.         ``speed``  our implementations against the field's formulations.
``load``   `vpr serve` under many requests.        ``faults`` kill, tear, fill, go on, compare.
``mutants`` change lines that tests must notice.  ``minimums``  the suite with the lowest declared versions.
``choices`` what each choice of a user costs.
``lint``   ruff, floors.  ``types``  mypy strict.       ``build``  wheels and sdists, installed and tried.
``docs``   the documentation as a site, in ``site/``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_venv = "yes"

ROOT = Path(__file__).parent
LEAVES = ("vpr-backbones", "vpr-pooling", "vpr-losses", "vpr-data", "vpr-eval", "vpr-rerank", "vpr-sequences")
PACKAGES = ("vpr-core", *LEAVES, "vpr-runner")
PLUGINS = tuple(sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml")))
FOLDERS = (*(f"packages/{name}" for name in PACKAGES), *(f"plugins/{name}" for name in PLUGINS))
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}  # waiting threads that spin make busy cores an order slower
EXTRAS = {
    "vpr-backbones": "[sift,matlab]",
    "vpr-pooling": "[onnx]",
    "vpr-data": "[heif,jpeg,video]",
    "vpr-rerank": "[opencv]",
    "vpr-runner": "[hloc,onnx,serve,tiles]",
}  # what some tests skip without
READERS = ("kapture>=1.1.12", "pycolmap>=4.0")  # the tools that read what we write
TEST_TOOLS = (
    "pytest>=8.3",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "hypothesis>=6.100",
    "jsonschema>=4.20",
    "hatchling>=1.27",
    "httpx>=0.27",
    "selenium>=4.20",
    "schemathesis>=4.32.5",
)


def install_packages(
    session: nox.Session,
    *tools: str,
    plugins: Sequence[str] = (),
    extras: bool = False,
    some: Mapping[str, str] | None = None,
) -> None:
    """Install our distributions editable, in one resolution, so that none is looked up on an index.

    With all ``extras`` that tests need, or with ``some``: a package's name to ``[extra]``.
    """
    wanted = EXTRAS if extras else some or {}
    local = [f"./packages/{name}{wanted.get(name, '')}" for name in PACKAGES]
    local += [f"./plugins/{name}" for name in plugins]
    session.install(*(part for path in local for part in ("-e", path)), *tools)


def required_by(suite: str) -> tuple[list[str], dict[str, str]]:
    """Return what a suite file asks for in its line ``requires: [PLUGIN, PACKAGE[EXTRA], ...]``.

    The plug-ins of this repository, and its packages with their extras.
    """
    found = [path for path in (Path(suite), ROOT / "bench" / "suites" / f"{suite}.yaml") if path.is_file()]
    line = re.search(r"^requires: *\[(.*)\]", found[0].read_text(encoding="utf-8"), re.MULTILINE) if found else None
    named = dict(re.findall(r"([\w-]+)(\[[\w, -]*\])?", line[1])) if line else {}
    return [name for name in PLUGINS if name in named], {name: named[name] for name in PACKAGES if named.get(name)}


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole suite: unit tests of every package, contracts over the registry, end to end, repository rules."""
    install_packages(session, *TEST_TOOLS, *READERS, plugins=PLUGINS, extras=True)
    session.run("pytest", *(session.posargs or ("-n", "2", "--dist", "worksteal")), env=PASSIVE)


@nox.session
@nox.parametrize("package", LEAVES, ids=LEAVES)
def alone(session: nox.Session, package: str) -> None:
    """Install one leaf by itself, not editable: its own tests pass and no other distribution of ours is there."""
    session.install(f"./packages/{package}", *TEST_TOOLS)
    others = [name.replace("-", "_") for name in PACKAGES if name != package]
    session.run("python", "tests/alone.py", package.replace("-", "_"), *others)
    session.run("pytest", "-q", f"packages/{package}/tests", *session.posargs, env=PASSIVE)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare NetVLAD with its baselines: a first table, of one seed; ``-- --suite city`` goes on to all three.

    ``-- --suite real --data DIR`` for real images, ``-- --help`` for more. ``-- --where`` measures instead how far off
    estimates of a photo's place are, ``-- --pictures MODEL`` takes the pictures of pages; both have a ``--help``.
    """
    if session.posargs[:1] == ["--where"]:
        install_packages(session)
        session.run("python", "-m", "bench.where", *session.posargs[1:], env=PASSIVE)
        return
    if session.posargs[:1] == ["--pictures"]:
        install_packages(session, "selenium>=4.20")
        session.run("python", "-m", "bench.pictures", *session.posargs[1:], env=PASSIVE)
        return
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--suite")
    parser.add_argument("--seed", action="append")
    options, rest = parser.parse_known_args(session.posargs)
    suite = options.suite or "city"
    # Its cells are kept: who asks for the whole suite afterwards has the first seed already.
    seeds = options.seed or ([] if options.suite else ["0"])
    plugins, extras = required_by(suite)
    install_packages(session, plugins=plugins, some=extras)
    session.run("vpr", "bench", suite, *(part for seed in seeds for part in ("--seed", seed)), *rest, env=PASSIVE)


@nox.session
def speed(session: nox.Session) -> None:
    """Measure our implementations beside the field's formulations, in one run; ``-- --only layer`` for a part.

    ``-- scale`` measures the indexes instead, beside hnswlib, usearch and qdrant-edge, on 100,000 descriptors; ``--
    recall --data DIR`` what recall each runtime and precision has, ``-- exports RUN`` each exported file of a run.
    """
    if session.posargs[:1] == ["scale"]:
        install_packages(session, "hnswlib>=0.8", "usearch>=2.20", plugins=["vpr-qdrant"])
        one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        session.run("python", "-m", "bench.speed.scale", *session.posargs[1:], env=PASSIVE | one)
        return
    exporting = ("onnx>=1.19", "onnxscript>=0.7.2", "onnxruntime>=1.22")
    install_packages(
        session, "h5py>=3.11", "simplejpeg>=1.9", *exporting, plugins=["vpr-onnxruntime", "vpr-openvino", "vpr-qdrant"]
    )
    if session.posargs[:1] == ["recall"]:
        session.run("python", "-m", "bench.runtimes", *session.posargs[1:], env=PASSIVE)
        return
    if session.posargs[:1] == ["exports"]:
        session.run("python", "-m", "bench.exports", *session.posargs[1:], env=PASSIVE)
        return
    session.run("python", "-m", "bench.speed", *session.posargs, env=PASSIVE)


@nox.session
def load(session: nox.Session) -> None:
    """Ask `vpr serve` on loopback with locust: requests a second, percentiles, memory; ``-- --help`` for more."""
    install_packages(session, "locust>=2.40", extras=True)
    session.run("python", "-m", "bench.serving", *session.posargs, env=PASSIVE)


@nox.session
def choices(session: nox.Session) -> None:
    """Measure what each choice costs, on the rendered city; ``-- --data DIR`` adds photographs and real weights.

    ``-- --page docs/choices.md`` writes the page from the results instead.
    """
    plugins = ["vpr-modern-pooling", "vpr-onnxruntime", "vpr-openvino"]
    install_packages(session, "opencv-python-headless>=4.10.0.84", plugins=plugins)
    session.run("python", "-m", "bench.choices", *session.posargs, env=PASSIVE)


@nox.session
def faults(session: nox.Session) -> None:
    """Kill, tear and fill `train`, `extract` and `bench`, go on, compare every byte; ``-- --only train`` for a part."""
    install_packages(session)
    session.run("python", "-m", "bench.faults", *session.posargs, env=PASSIVE)


@nox.session
def mutants(session: nox.Session) -> None:
    """Change one line at a time in a copy and name what the room's tests do not notice; ``-- --sample 20`` for more."""
    install_packages(session, *TEST_TOOLS, "cosmic-ray>=8.4", extras=True)
    session.run("python", "-m", "bench.mutants", *session.posargs, env=PASSIVE)


@nox.session(venv_backend="uv")
def minimums(session: nox.Session) -> None:
    """Run the suite with the lowest versions that the distributions declare."""
    install_packages(session, "--resolution", "lowest-direct", *TEST_TOOLS, plugins=PLUGINS, extras=True)
    session.run("pytest", *(session.posargs or ("-n", "2", "--dist", "worksteal")), env=PASSIVE)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting with ruff, and with import-linter that imports run down the floors only."""
    session.install("ruff>=0.14", "import-linter>=2.3")
    session.run("ruff", "check", *(session.posargs or (".",)))
    session.run("ruff", "format", "--check", ".")
    sources = os.pathsep.join(str(ROOT / folder / "src") for folder in FOLDERS)  # read, not imported: no installing
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": sources})


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy, strictly; the contract kit's own types need pytest."""
    tools = (*TEST_TOOLS, "mypy>=1.18", "types-PyYAML", "types-tqdm", "types-psutil", "types-defusedxml")
    install_packages(session, *tools, plugins=PLUGINS, extras=True)
    session.run("mypy", *(f"{folder}/src" for folder in FOLDERS))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into ``site/``: a broken link or a page that is in no menu fails; ``-- serve`` shows it.

    The API is read from the sources, never imported, so that neither torch nor any package of ours is installed here.
    """
    session.install("mkdocs>=1.6,<2", "mkdocs-material>=9.6", "mkdocstrings[python]>=1.0", "ruff>=0.14")
    session.run("mkdocs", *(session.posargs or ("build", "--strict")), env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def build(session: nox.Session) -> None:
    """Build wheels and sdists of all distributions, install the wheels in a bare environment and try them."""
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    session.install("build>=1.2", "twine>=6.1")
    for folder in (".", *FOLDERS):
        session.run("python", "-m", "build", "--outdir", "dist", folder, silent=True)
    session.run("twine", "check", "--strict", *(str(path) for path in sorted((ROOT / "dist").iterdir())))
    wheels = sorted(str(path) for path in (ROOT / "dist").glob("*.whl"))
    session.install("--force-reinstall", "--no-deps", *wheels)
    session.install(*wheels)
    session.chdir(session.create_tmp())
    session.run("vpr", "--version")
    session.run("vpr", "plugins")
    session.run(
        "python", "-c", "from vpr_pooling import NetVLAD; print(NetVLAD(in_channels=512, num_clusters=64).out_dim)"
    )
