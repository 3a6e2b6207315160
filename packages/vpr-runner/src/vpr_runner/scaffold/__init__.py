"""A plug-in package to start from: ``new_plugin`` fills in the texts below ``templates``."""
