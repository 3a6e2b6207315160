"""Bench: a suite of methods, seeds and stages becomes one table, one figure and one result file with its provenance.

``suite`` and ``plan`` (what will be run) import neither torch nor numpy; ``runner`` runs, ``aggregate`` counts, and
``table``, ``figure`` and ``readme`` show.
"""

from __future__ import annotations

from vpr_runner.bench.plan import Cell, plan
from vpr_runner.bench.suite import Suite, find_suite, load_suite

__all__ = ["Cell", "Suite", "find_suite", "load_suite", "plan"]
