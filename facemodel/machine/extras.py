"""Packages that may not be installed."""

from __future__ import annotations

import importlib.util

from facedata.errors import MissingExtraError


def require_extra(*packages: str, extra: str = "train", what: str = "this") -> None:
    """Check that packages are installed, without importing them.

    Args:
        *packages: their names in an import statement.
        extra: the extra of facedata that installs them.
        what: what needs them, for the message.

    Raises:
        MissingExtraError: one is not installed.

    >>> require_extra("json")
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError.of(what, extra, package.replace("_", "-"))
