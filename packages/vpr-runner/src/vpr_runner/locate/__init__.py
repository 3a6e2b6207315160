"""Where was this photo taken? One position from the answers of a map, how far it may be off, and whether to believe it.

``estimate`` makes one position of several answers, ``guess`` does so for a map, ``located`` is one photo's answer.
``calibrate`` learns from photos whose place is known when to believe it (``asking`` asks the map for them,
``learning`` does the whole for a map),
``calibration`` is what was learnt and lies in the map, ``judge`` measures what that is worth, ``locator`` holds a map
open and answers.
"""

from __future__ import annotations

__all__: list[str] = []
