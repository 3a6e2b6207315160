"""What each choice costs: one axis a file, networks, sets and pooling layers below all of them; ``nox -s choices``."""
