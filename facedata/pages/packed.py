"""A page's data: JSON, compressed and in base64, since a page on disk cannot fetch a file.

The browser unpacks it by itself (``DecompressionStream``); no name in it can end the script that holds it.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt


def pack(value: Any) -> str:
    """Return plain values as compressed JSON in base64, for the element ``data`` of a page.

    Raises:
        ValueError: a number is not finite, which JSON cannot say.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def column(values: npt.ArrayLike, kind: str) -> dict[str, str]:
    """Return numbers as the scripts' ``column()`` reads them: little-endian bytes in base64.

    Args:
        values: ``(n,)`` numbers that fit.
        kind: ``u1``, ``u2``, ``u4``, ``i1``, ``i2``, ``i4`` or ``f4``.

    Raises:
        ValueError: a number does not fit.
    """
    given = np.asarray(values)
    numbers = given.astype(f"<{kind}")
    if kind != "f4" and not np.array_equal(numbers, given):
        raise ValueError(f"a number does not fit in {kind}")
    return {"kind": kind, "bytes": base64.b64encode(numbers.tobytes()).decode()}
