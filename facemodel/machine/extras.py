"""Packages that may not be installed."""

from __future__ import annotations

import importlib.util

from facedata.errors import MissingExtraError


def require_extra(*packages: str, extra: str = "train") -> None:
    """Check that packages are installed, without importing them.

    Args:
        *packages: their names in an import statement.
        extra: the extra of facedata that installs them.

    Raises:
        MissingExtraError: one is not installed.

    >>> require_extra("json")
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError.of("this", extra, package.replace("_", "-"))
