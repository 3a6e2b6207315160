"""``nox -s speed``: what we do beside how the field does it, measured in one run."""
