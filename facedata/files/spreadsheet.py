"""Cells that come back from a spreadsheet as they were: what it would run or rewrite is marked as text."""

from __future__ import annotations

import re

_REWRITTEN = re.compile(
    r"[=+\-@\t\r].*|0\d+|\d{16,}|\d+[.,:/\- ][\d.,:/\- ]*|\d+([.,]\d+)?e[+-]?\d+|true|false",
    re.IGNORECASE | re.DOTALL,
)
"""Formulas, numbers that lose zeros or digits, dates, truth values."""


def protect_cell(text: str) -> str:
    """Return a cell's text with an apostrophe before it where a spreadsheet would run or rewrite it.

    >>> [protect_cell(text) for text in ("=1+1", "007", "2020-01", "'=1", "12", "anna/1.jpg", "'t Hooft")]
    ["'=1+1", "'007", "'2020-01", "''=1", '12', 'anna/1.jpg', "'t Hooft"]
    """
    return f"'{text}" if _REWRITTEN.fullmatch(text.lstrip("'")) else text


def bare_cell(text: str) -> str:
    """Return the text that :func:`protect_cell` made safe; any other as it is.

    >>> bare_cell("'=1+1"), bare_cell("'t Hooft"), bare_cell("=1+1")
    ('=1+1', "'t Hooft", '=1+1')
    """
    return text[1:] if text.startswith("'") and _REWRITTEN.fullmatch(text.lstrip("'")) else text
