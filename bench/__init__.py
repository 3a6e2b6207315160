"""Suites, committed results, and the speed comparison; not a distribution."""
