"""``python -m vpr_runner.cli``: for launchers that start modules (torchrun)."""

from __future__ import annotations

import sys

from vpr_runner.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
