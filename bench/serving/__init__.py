"""How many photos `vpr serve` answers, how fast, and what it holds after ten thousand; ``nox -s load``."""
