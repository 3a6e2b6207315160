"""What is written and read back: the lowest floor of the runner, which knows files and nothing of networks.

``atomic`` writes a file whole or not at all, ``lock`` lets one process into a folder, ``seal`` and ``documents`` notice
what a disk has changed, ``contents`` tells images apart, ``markdown`` puts text into a table's cell, ``provenance``
says what code, machine and libraries made a number.
"""
