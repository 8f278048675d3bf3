"""A photo's bytes to upright RGB pixels.

In come the bytes of a file, or its path as text; out come ``(height, width, 3)`` uint8 RGB arrays, turned
upright, or an :class:`facedata.errors.ImageError` that says why there are none.

- ``paths``: paths as text that UTF-8 can hold, and back
- ``formats``: which files are photos, by ending and first bytes
- ``image``: bytes to upright RGB, whatever the format and mode
- ``jpeg``: the fast path for most photos, at full or reduced size
- ``picture``: an opened photo at several sizes, each decoded when needed
"""
