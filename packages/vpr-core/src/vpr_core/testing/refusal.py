"""Bad input is refused by an error that says what would be right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vpr_core.testing.case import Case

__all__ = ["refused"]


def refused(case: Case, said: str, function: Callable[[], Any]) -> None:
    """Require that a call raises ValueError or TypeError with a message.

    Args:
        case: the component.
        said: what it would have done, ``search takes NaN``.
        function: the call.
    """
    try:
        function()
    except (ValueError, TypeError) as error:
        case.require(str(error).strip(), f"{said}: the {type(error).__name__} has no message; say what would be right")
        return
    except Exception as error:  # noqa: BLE001  an engine's own error names neither argument nor remedy
        case.breach(f"{said} and fails with {type(error).__name__} ({error}); check first and raise ValueError")
    case.breach(
        f"{said} without a word; check before the engine does, and raise ValueError that says what would be right"
    )
