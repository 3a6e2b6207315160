"""Run inside the environment of ``nox -s alone``: the leaf imports, and nothing else of ours can be.

Usage: python tests/alone.py vpr_pooling vpr_core vpr_losses ...
"""

from __future__ import annotations

import importlib
import importlib.util
import sys


def main() -> int:
    """Return 1, naming them, when a distribution of ours is importable that should not be."""
    leaf, *others = sys.argv[1:]
    module = importlib.import_module(leaf)
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    intruders = [name for name in others if importlib.util.find_spec(name) is not None]
    heavy = [name for name in ("pluggy", "pydantic") if name in sys.modules]
    for fault, names in (("does not offer", missing), ("is not alone: finds", intruders), ("imports", heavy)):
        if names:
            print(f"{leaf} {fault} {', '.join(names)}", file=sys.stderr)
    return 1 if missing or intruders or heavy else 0


if __name__ == "__main__":
    sys.exit(main())
