"""Names of folders as pages show them: without the way there, so that a moved run has the same page."""

from __future__ import annotations

import os
from pathlib import PurePosixPath


def folder_name(path: object) -> str:
    """Return the last part of a path or URL as text; what is no UTF-8 becomes a replacement character.

    >>> folder_name("/data/faces/"), folder_name("s3://bucket/faces")
    ('faces', 'faces')
    """
    return os.fsencode(PurePosixPath(str(path)).name).decode(errors="replace")
