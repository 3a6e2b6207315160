"""Images that can be read, and that the network does not take."""

from __future__ import annotations

from vpr_core import UsageError

__all__ = ["SizeRefusedError"]


class SizeRefusedError(UsageError):
    """The network takes no images of this size; says which it would take."""
