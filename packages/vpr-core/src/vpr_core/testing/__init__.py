"""Contract tests: a plug-in author subclasses one and gets the tests that the built-in components pass.

Needs the extra ``vpr-core[testing]``: pytest, torch and numpy, which nothing else in this distribution imports.
"""

from __future__ import annotations

from vpr_core.testing.case import Case, Contract, Trial, over_registry
from vpr_core.testing.pooling import PoolingContract
from vpr_core.testing.run import breaches

__all__ = ["Case", "Contract", "PoolingContract", "Trial", "breaches", "over_registry"]
