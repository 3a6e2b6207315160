"""``python -m vpr_runner`` is ``vpr``."""

from __future__ import annotations

import sys

from vpr_runner.cli import main

if __name__ == "__main__":
    sys.exit(main())
