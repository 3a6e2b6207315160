"""A whole network as one file: images in, unit descriptors out, run by programs that know nothing of this toolkit.

``whole`` exports, ``onnx_file`` writes and reads ONNX, ``description`` is what the file says of itself, ``parity``
compares it with the network, ``half`` makes the float16 variant, ``foreign`` refuses a file that is more than data.
"""
