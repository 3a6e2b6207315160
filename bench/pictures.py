"""``nox -s bench -- --pictures MODEL``: the pictures of pages in README and docs, taken of real pages in Chromium.

On the test of the rendered city, which needs no download: the page of `vpr eval --html`, and of `vpr search --html` for
six of its queries. ``MODEL`` is a run directory or a model file of a network that was trained on the city, such as
those that ``nox -s bench -- --where`` leaves below runs/where/trainings.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from vpr_data import CityDataset
from vpr_runner.cli import main as vpr
from vpr_runner.files import atomic

REPORT, ANSWER = (1400, 900), (1100, 640)
"""Pixels of the two pictures; light, as a page is where nobody asks for dark."""
COLOURS = 256


def main(arguments: Sequence[str] | None = None) -> int:
    """Make both pages in a temporary folder, and their pictures in ``--output``."""
    parser = argparse.ArgumentParser(prog="nox -s bench -- --pictures", description=__doc__)
    parser.add_argument("model", type=Path, help="run directory or model file")
    parser.add_argument("--size", choices=["bench", "small"], default="bench", help="of the city")
    parser.add_argument("--output", type=Path, default=Path("docs/images"), help="folder of the pictures")
    options = parser.parse_args(arguments)
    test = CityDataset(size=options.size).split("test")
    root, model = test.database.root, str(options.model)
    with tempfile.TemporaryDirectory(prefix="vpr-pictures-") as temporary:
        folder = Path(temporary)
        city = ["--set", f"dataset={{type: city, size: {options.size}}}", "--quiet"]
        _run(["eval", model, "--split", "test", "--html", str(folder / "report.html"), *city])
        _run(["extract", model, "--split", "test", "-o", str(folder / "map"), *city])
        step = max(1, len(test.queries) // 6)
        photos = [str(test.queries.path(row)) for row in range(0, len(test.queries), step)][:6]
        more = ["--images", str(root), "--html", str(folder / "answer.html"), "--quiet"]
        _run(["search", str(folder / "map"), *photos, *more])
        for name, size in (("report", REPORT), ("answer", ANSWER)):
            _take(folder / f"{name}.html", options.output / f"{name}.png", size)
    return 0


def _run(arguments: list[str]) -> None:
    status = vpr(arguments)
    if status:
        raise SystemExit(status)


def _take(page: Path, picture: Path, size: tuple[int, int]) -> None:
    """Open a page in Chromium without a window and keep what is seen, in few colours."""
    browser = _browser(size)
    try:
        # The window of a headless Chromium is larger than what it shows.
        frame = [
            size[axis] - browser.execute_script(f"return window.inner{side}")
            for axis, side in enumerate(("Width", "Height"))
        ]
        browser.set_window_size(size[0] + frame[0], size[1] + frame[1])
        browser.get(page.resolve().as_uri())
        faults = [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]
        if faults:
            raise SystemExit(f"{page.name}: {faults[0]}")
        seen = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    finally:
        browser.quit()
    if seen.size != size:
        raise SystemExit(f"{page.name}: the picture has {seen.size} pixels, not {size}")
    stream = io.BytesIO()
    seen.quantize(COLOURS, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    atomic.write_bytes(picture, stream.getvalue())
    print(f"{picture}: {len(stream.getvalue()) >> 10} KiB", file=sys.stderr)


def _browser(size: tuple[int, int]) -> Any:
    from selenium import webdriver

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        raise SystemExit("pictures are taken by Chromium and its driver (Debian: chromium-driver), which are not here")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    window = f"--window-size={size[0]},{size[1]}"
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
        window,
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


if __name__ == "__main__":
    sys.exit(main())
