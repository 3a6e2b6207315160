"""Random cases are judged by their result, never by the time a busy machine takes for them."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("vpr-eval", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vpr-eval")
