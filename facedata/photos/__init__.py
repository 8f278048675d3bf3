"""From a photo's bytes to upright RGB pixels.

The bytes of a file, or its path as text, come in; ``(height, width, 3)`` uint8 RGB arrays, turned upright, go
out, or an :class:`facedata.errors.ImageError` with the reason why not.

- ``paths``: any path as valid UTF-8 text, and back
- ``listed_paths``: which photo a path in somebody's list may mean
- ``system_folders``: folders whose photos are nobody's own, such as recycle bins
- ``formats``: which files are photos, by ending and first bytes, and what their formats are called
- ``camera_raw``: cameras' raw photos: what marks one, and its picture, by rawpy
- ``opening``: opening a photo by whichever library reads it, or the reason why none does
- ``image``: bytes to upright RGB, for any format and mode
- ``jpeg``: the fast path for most photos, at full or reduced size
- ``picture_hash``: a number that copies of a picture share
- ``picture``: an opened photo at several sizes, each decoded when needed
"""
