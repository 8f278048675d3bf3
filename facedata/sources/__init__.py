"""Where photographs come from, and the table from a source's name to the object."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType

from ..config import PrepareConfig
from ..errors import UsageError
from ..files.remote import Place, Remote, place_of
from .base import Source
from .celeba import CelebaSource
from .demo import DemoSource
from .folder import FolderSource
from .lfw import LfwSource
from .table import TableSource

SourceLike = (
    Source | str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]]
)
"""A source object, a path, several paths (``name=path`` each), or a mapping of names to paths."""


def open_source(source: SourceLike | None, config: PrepareConfig) -> Source:
    """Return the source that ``config.kind`` and what the user typed mean; nothing is read yet.

    Raises:
        UsageError: too many, too few or unnamed paths for this kind.
    """
    if not isinstance(source, (str, os.PathLike, Sequence, Mapping, NoneType)):
        return source
    roots = _roots(source)
    if config.kind == "demo":
        _at_most(roots, 0, "demo")
        return DemoSource()
    if config.kind == "folder":
        return FolderSource(_named(roots), identity_from=config.identity_from)
    if config.kind == "table":
        _at_most(roots, 2, "table")
        paths = [_local(path, "table") for path in _needed(roots, "a CSV or Parquet file").values()]
        return TableSource(paths[0], root=paths[1] if len(paths) > 1 else None)
    _at_most(roots, 1, config.kind)
    if config.kind == "celeba":
        return CelebaSource(_local(next(iter(_needed(roots, "a folder or zip").values())), "celeba"))
    cache = Path(config.cache) if config.cache else None
    root = next((_local(path, "lfw") for path in roots.values()), None)
    return LfwSource(root, view=config.view, cache=cache, images=config.lfw_images)


def source_paths(source: SourceLike | None) -> list[Place]:
    """Return the paths and URLs that the user named; none for a source object or where no source is named."""
    named = source is None or isinstance(source, (str, os.PathLike, Sequence, Mapping))
    return list(_roots(source).values()) if named else []


def _roots(source: SourceLike | None) -> dict[str, Place]:
    """Return paths by name; the names of unnamed ones are their place in the list."""
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return {name: place_of(path) for name, path in source.items()}
    paths = [source] if isinstance(source, (str, os.PathLike)) else list(source)  # type: ignore[arg-type]
    roots: dict[str, Place] = {}
    for number, path in enumerate(paths):
        name, equals, folder = os.fspath(path).partition("=")
        named = bool(equals) and name.isidentifier() and not _exists(Path(path))
        key = name if named else f"#{number}"
        if key in roots:
            raise UsageError(f"two sources are named {name}; give each its own name")
        roots[key] = place_of(folder if named else path)
    return roots


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, say: there can be no such file
        return False


def _named(roots: dict[str, Place]) -> dict[str, Place]:
    _needed(roots, "a folder")
    if len(roots) == 1:
        return {name if not name.startswith("#") else "": path for name, path in roots.items()}
    if unnamed := [str(path) for name, path in roots.items() if name.startswith("#")]:
        raise UsageError(f"several folders need names, as in lfw=DIR mine=DIR; {unnamed[0]} has none")
    return roots


def _needed(roots: dict[str, Place], what: str) -> dict[str, Place]:
    if not roots:
        raise UsageError(f"no source is given; this kind takes {what}")
    return roots


def _local(path: Place, kind: str) -> Path:
    if isinstance(path, Remote):
        raise UsageError(f"{kind} reads from this machine only, not from {path}: copy it here, or use folder")
    return path


def _at_most(roots: dict[str, Place], most: int, kind: str) -> None:
    if len(roots) > most:
        raise UsageError(f"{kind} takes at most {most} sources, not {len(roots)}")
