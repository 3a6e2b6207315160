"""What one place of several answers is worth on areas that nothing was learnt from; ``python -m bench.where``."""
