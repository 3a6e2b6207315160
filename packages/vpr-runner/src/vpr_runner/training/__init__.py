"""Training, resumable bit for bit: ``train`` reads top to bottom.

``tuples`` (mined) and ``places`` (labelled) are the two kinds of epoch, ``job`` and ``state`` what they share,
``steps`` one step of the optimiser, ``batches``, ``training_set`` and ``sampling`` what goes into it, ``prefix`` the
cache below a frozen layer, ``validation`` the score after an epoch, ``checkpoint`` and ``run_directory`` what stays on
the disk.
"""
