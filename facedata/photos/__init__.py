"""From a photo's bytes to upright RGB pixels.

The bytes of a file, or its path as text, come in; ``(height, width, 3)`` uint8 RGB arrays, turned upright, go
out, or an :class:`facedata.errors.ImageError` with the reason why not.

- ``paths``: any path as valid UTF-8 text, and back
- ``formats``: which files are photos, by ending and first bytes
- ``image``: bytes to upright RGB, for any format and mode
- ``jpeg``: the fast path for most photos, at full or reduced size
- ``picture``: an opened photo at several sizes, each decoded when needed
"""
