"""A page's data as the browser unpacks it; ``facedata/pages/packed.py`` packs it."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

_HOLDER = re.compile(rb'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>')


def read_column(packed: dict[str, str]) -> npt.NDArray[Any]:
    """Return what ``column`` packed, ``(n,)``."""
    return np.frombuffer(base64.b64decode(packed["bytes"]), f"<{packed['kind']}")


def read_data(page: bytes) -> Any:
    """Return the data of a page that ``render_page`` made; None if it has none."""
    found = _HOLDER.search(page)
    return json.loads(zlib.decompress(base64.b64decode(found[1]))) if found and found[1] else None
