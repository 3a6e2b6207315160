"""Published weights become a model folder of ours: ``imported``."""
