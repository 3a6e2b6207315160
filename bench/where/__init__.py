"""What one place of several answers is worth on areas that nothing was learnt from; ``nox -s bench -- --where``."""
