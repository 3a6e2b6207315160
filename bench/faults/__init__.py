"""``nox -s faults``: kill, tear, fill and lock, then go on, and compare every byte with an undisturbed run."""
