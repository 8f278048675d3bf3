"""Files, here or behind a URL: read, locked, downloaded, and written whole or not at all.

A path or URL comes in as the user typed it; bytes come out, or a file that is complete.

- ``remote``: a location, which is a path or an object behind an fsspec URL; failed requests are tried again
- ``atomic``: one file written under a temporary name and renamed
- ``staged``: several files written under temporary names and renamed together
- ``locks``: a set or a cache folder held by one process
- ``download``: files pinned by SHA-256, resumed and cached
- ``open_files``: the files read last stay open
- ``memory``: freed memory goes back to the system
"""
