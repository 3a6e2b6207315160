"""The command ``vpr``. Importing it imports neither torch nor numpy: commands import what they need when they run."""

from __future__ import annotations

from vpr_runner.cli.entry import main

__all__ = ["main"]
