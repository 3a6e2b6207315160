"""What stands beside a model for other programs: RTAB-Map's descriptor file, a ROS 2 node."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from vpr_runner.files import atomic

__all__ = ["COMPANIONS", "write_companions"]

COMPANIONS = {"rtabmap": ("vpr_onnx.py", "rtabmap_vpr.py"), "ros2": ("vpr_onnx.py", "vpr_node.py")}
"""Program to the files that it takes, which lie beside ``model.onnx``."""


def write_companions(folder: Path, program: str, *, dim: int) -> list[Path]:
    """Write the files for ``program`` into ``folder``; return them.

    They are Python that needs numpy, Pillow and onnxruntime, and nothing of this toolkit.
    """
    written = []
    for name in COMPANIONS[program]:
        text = (resources.files(__package__) / "companions" / f"{name}.template").read_text(encoding="utf-8")
        atomic.write_text(folder / name, text.replace("{{dim}}", str(dim)))
        written.append(folder / name)
    return written
