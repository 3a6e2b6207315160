"""Running a contract without pytest's collection: what ``vpr`` or a test asks to know which promises are broken."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vpr_core.components import ComponentSpec
from vpr_core.testing.case import Contract, Trial, make_case

__all__ = ["breaches"]


def breaches(
    contract: type[Contract], spec: ComponentSpec[Any], trial: Trial | None = None, *, only: str | None = None
) -> dict[str, str]:
    """Run the tests of ``contract`` on one component: all but its costly ones, or ``only`` the one that is named.

    Returns:
        name of each test that fails -> its message; empty when the component keeps the contract.
    """
    found: dict[str, str] = {}
    for name, _ in inspect.getmembers(contract, inspect.isfunction):
        if not name.startswith("test_") or (name in contract.costly if only is None else name != only):
            continue
        method: Callable[..., None] = getattr(contract(), name)
        with tempfile.TemporaryDirectory() as folder:
            for sub in ("component", "work"):
                (Path(folder) / sub).mkdir()
            try:
                case = make_case(spec, trial or Trial(), Path(folder) / "component")
                extra = (
                    {"tmp_path": Path(folder) / "work"} if "tmp_path" in inspect.signature(method).parameters else {}
                )
                method(case, **extra)
            except pytest.skip.Exception:
                continue
            except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  whatever a component raises is its breach
                found[name] = str(error) or type(error).__name__
    return found
