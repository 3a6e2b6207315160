"""What the package is without a host: its names, and that it needs none."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vpr_data


def test_every_name_of_the_package_can_be_had():
    assert all(hasattr(vpr_data, name) for name in vpr_data.__all__)
    assert sorted(vpr_data.__all__) == dir(vpr_data)
    with pytest.raises(AttributeError, match="module 'vpr_data' has no attribute 'nope'; it has "):
        _ = vpr_data.nope


def test_the_package_needs_no_host():
    code = (
        "import sys; sys.modules['pluggy'] = sys.modules['pydantic'] = sys.modules['vpr_core'] = None;"
        "import vpr_data; [getattr(vpr_data, name) for name in vpr_data.__all__]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
