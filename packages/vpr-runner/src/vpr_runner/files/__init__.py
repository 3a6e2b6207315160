"""What is written and read back: the lowest floor of the runner, which knows files and nothing of networks.

``atomic`` writes a file whole or not at all, ``lock`` lets one process into a folder, ``documents`` reads JSON that may
be damaged, ``markdown`` puts text into a table's cell, ``provenance`` says what code, machine and libraries made a
number.
"""
