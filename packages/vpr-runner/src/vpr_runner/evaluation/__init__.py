"""From a network and a split to numbers: search, recall@N with intervals, mean average precision.

``evaluate`` is the protocol of places, ``benchmark`` that of Oxford, Paris and Holidays; ``retrieval`` and ``ranking``
answer queries, ``data_fingerprint`` says on what data a number rests, ``report`` holds what was found,
``milliseconds`` times the network.
"""
