"""Where images were taken and which of them show one place.

``neighbourhoods`` and ``rows`` find and hold who is near whom; ``splits`` is a database, its queries and the rule of
what is right; ``checks`` and ``leaks`` say what looks wrong, ``fingerprint`` gives all of it one hash.
"""
