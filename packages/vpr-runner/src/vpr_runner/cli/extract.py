"""``vpr extract``: descriptors of many images, in chunks with a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vpr_runner.cli.evaluate import ModelArgument
from vpr_runner.cli.options import DeviceOption, PluginOption, QuietOption, SetOption

__all__ = ["extract"]
