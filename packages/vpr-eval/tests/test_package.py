"""What the package is without a host: its names, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vpr_eval


def test_the_package_needs_no_host():
    code = (
        "import sys, vpr_eval; [getattr(vpr_eval, name) for name in vpr_eval.__all__];"
        "print([name for name in ('pluggy', 'pydantic', 'vpr_core', 'torch', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names():
    assert sorted(vpr_eval.__all__) == sorted(dir(vpr_eval))
    for name in vpr_eval.__all__:
        assert getattr(vpr_eval, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'recall'; it has"):
        vpr_eval.__getattr__("recall")
