"""Tests that can fail: one line is changed at a time, in a copy, and the tests of its room are to notice.

``rooms`` says which files are changed and which tests are asked, ``listed`` the changes that once lived, ``changes``
makes others with cosmic-ray's operators, ``trial`` tries one, ``record`` keeps what came of it.
"""
