"""What tests of the engine share."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def engine_registry() -> Any:
    """The installed components and those of ``engine_components.py``."""
    from vpr_core import build_registry

    return build_registry(plugin_files=[Path(__file__).with_name("engine_components.py")])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, or a skip."""
    folder = Path(os.environ.get("VPR_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
    if not (folder / "tower_walks").is_dir():
        pytest.skip(f"no real data at {folder}; set VPR_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def dots_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dots")


@pytest.fixture
def make_config(engine_registry: Any, dots_root: Path) -> Callable[..., Any]:
    """Return a function from blocks of a run file to a config of a run that takes a second."""

    def make(**blocks: Any) -> Any:
        import torch

        content: dict[str, Any] = {
            "dataset": {"type": "dots", "root": str(dots_root)},
            "backbone": {"type": "tiny", "width": 0.34},
            "pooling": {"type": "gem"},
            "loss": {"type": "plain_ranking"},
            "miner": {"type": "plain_hard"},
            "image": {"size": [32, 40]},
            "init": {"images": 8, "locations": 20},
            "train": {"epochs": 2, "cache_every": 5, "batch": 2, "lr": 0.05, "frozen_cache_gib": 0},
            "eval": {"bootstrap": 0, "recall_at": [1, 5]},
            "compute": {"device": "cpu", "workers": 1, "batch": 8, "threads": torch.get_num_threads()},
        }
        for name, block in blocks.items():
            old = content.get(name)
            same = isinstance(old, dict) and isinstance(block, dict) and block.get("type") in (None, old.get("type"))
            content[name] = {**old, **block} if same else block
        return engine_registry.run_config_model().model_validate_json(__import__("json").dumps(content))

    return make


@pytest.fixture(scope="module")
def opened_browser() -> Iterator[Any]:
    """Chromium without a window, or a skip where it, its driver or selenium is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()


@pytest.fixture
def browser(opened_browser: Any) -> Any:
    """A browser whose logs begin now."""
    for log in ("browser", "performance"):
        opened_browser.get_log(log)
    return opened_browser


@pytest.fixture
def asked(browser: Any) -> Callable[[], set[str]]:
    """Return a function that says which addresses were asked for, after a look that nothing went wrong."""

    def look() -> set[str]:
        assert [line for line in browser.get_log("browser") if line["level"] == "SEVERE"] == []
        sent = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
        return {one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"}

    return look


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits until something is so, ten seconds at most."""

    def wait(so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not so():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return wait
