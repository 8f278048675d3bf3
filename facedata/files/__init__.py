"""Files, local or behind a URL: reading, locking, downloading, and atomic writing.

A path or URL comes in as the user typed it; bytes come out, or a file that is complete.

- ``remote``: a location, which is a path or an object behind a URL; failed requests are retried
- ``s3``: objects in S3, which ``remote`` asks for itself; those of other stores through fsspec
- ``atomic``: one file written under a temporary name and renamed
- ``hashes``: SHA-256 of files that are just written
- ``staged``: several files written under temporary names and renamed together
- ``locks``: one process at a time works on a set or a cache folder
- ``download``: fetches files pinned by SHA-256; resumes and caches
- ``http_part``: one request for the bytes that a partly downloaded file lacks
- ``text``: text files in UTF-8 or UTF-16, perhaps compressed
- ``spreadsheet``: cells that come back from a spreadsheet as they were
- ``open_files``: keeps the most recently read files open
- ``memory``: returns freed memory to the system
"""
