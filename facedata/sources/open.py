"""Make a source from what a user typed, or from a set's dataset.json."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..config import SOURCES, PrepareConfig, complete_settings
from ..errors import UsageError
from ..files.remote import Location, Remote, parse_location
from ..options import is_file, look_up, nearest
from ..photos.formats import IMAGE_ENDINGS, ending
from ..photos.paths import photo_path
from .archive import archive_kind
from .base import Source

_TABLES = frozenset({".csv", ".tsv", ".parquet", ".xlsx"})
"""Endings that mean a table even if there is no such file, so that the error speaks of a table."""

SourceLike = (
    Source | str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]]
)
"""A source object, a path, several paths (``name=path`` each), or a mapping of names to paths."""


class SourceKind(NamedTuple):
    """How to open sources of one kind: an entry of :data:`facedata.config.SOURCES`.

    Attributes:
        open: makes the source from paths by name (``#0``, ``#1`` … where there is no name) and the options.
        typed: returns what a user would type to open a set's source again, given the source in dataset.json
            and the photos' new path, which is None if they have not moved.
    """

    open: Callable[[Mapping[str, Location], PrepareConfig], Source]
    typed: Callable[[str, SourceLike | None], SourceLike | None] = lambda root, moved: (
        root if moved is None else moved
    )


def understand_source(name: str, paths: Sequence[str]) -> tuple[str, list[str]]:
    """Return the kind of source and the paths that ``facedata prepare NAME PATH…`` means.

    A kind's name means the kind, whatever lies in the working folder; another NAME is the first path: a table
    if it is a file that is neither an archive nor a photo, else folders.

    Raises:
        UsageError: the name is neither a kind nor a path.
    """
    if name in SOURCES:
        return name, list(paths)
    own, typed = split_name(name, 0)
    path = os.fspath(typed)
    if own.startswith("#") and not set(path) & {"/", "."} and not os.path.lexists(path):
        near = nearest(name, SOURCES) or f"; the kinds are {', '.join(SOURCES)}"
        raise UsageError(f"{name!r} is neither a kind of source nor a path that exists{near}")
    if is_file(path):
        is_table = not archive_kind(Path(path)) and ending(path) not in IMAGE_ENDINGS
    else:
        is_table = ending(path) in _TABLES and not os.path.isdir(path)  # noqa: PTH112  which raises nothing
    return "table" if is_table else "folder", [name, *paths]


def open_source(source: SourceLike | None, config: PrepareConfig) -> Source:
    """Make the source of ``config.kind`` from the user's paths; nothing is read yet.

    Raises:
        UsageError: too many, too few or unnamed paths for this kind.
    """
    roots = _roots(source)
    if roots is None:
        return source  # type: ignore[return-value]  # a source object
    kind: SourceKind = look_up(SOURCES, config.kind)
    return kind.open(roots, config)


def reopen_source(
    info: Mapping[str, Any], source: SourceLike | None = None, cache: str | None = None
) -> Source:
    """Make the source that a set was prepared from; nothing is read yet.

    Args:
        info: the contents of its dataset.json.
        source: where the photos are now, when they have moved; as for :func:`facedata.prepare`. For a
            table, a folder alone is enough if the table has not moved.
        cache: folder for downloads and unpacked archives.

    Raises:
        UsageError: the source was an object of the user's own class and ``source`` is not one, or ``source``
            does not fit the set's kind of source.
    """
    kind, root, settings = info["source"]["kind"], photo_path(info["source"]["root"]), info["settings"]
    if kind not in SOURCES:
        if source is None or isinstance(source, (str, Path)):
            raise UsageError(
                f"the set's photos came from {kind!r}, which facedata does not know; pass the source object"
            )
        return open_source(source, PrepareConfig())
    names = ("identity_from", "view", "names", "turn", "box_format")
    options = {name: complete_settings(settings)[name] for name in names} | {"cache": cache}
    row: SourceKind = look_up(SOURCES, kind)
    return open_source(row.typed(root, source), PrepareConfig(kind=kind, **options))


def source_paths(source: SourceLike | None) -> list[Location]:
    """Return the paths and URLs that the user gave; none for a source object or None."""
    return list((_roots(source) or {}).values())


def local_paths(roots: Mapping[str, Location], kind: str, most: int, needed: str = "") -> list[Path]:
    """Return the paths of a kind that reads from this machine only.

    Args:
        roots: the user's paths by name.
        kind: the kind's name.
        most: how many paths it takes.
        needed: what it takes, such as ``a folder or zip``; empty if it needs no path.

    Raises:
        UsageError: too many or no paths, or a URL.
    """
    if len(roots) > most:
        limit = f"at most {most} source{'s'[: most > 1]}" if most else "no source"
        raise UsageError(f"{kind} takes {limit}, not {len(roots)}")
    if needed and not roots:
        raise UsageError(f"no source is given; this kind takes {needed}")
    paths = []
    for path in roots.values():
        if isinstance(path, Remote):
            raise UsageError(
                f"{kind} reads from this machine only, not from {path}: copy it here, or use folder"
            )
        paths.append(path)
    return paths


def _roots(source: SourceLike | None) -> dict[str, Location] | None:
    """Return the user's paths by name, ``#0``, ``#1`` … where there is none; None for a source object."""
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return {name: parse_location(path) for name, path in source.items()}
    if not isinstance(source, (str, os.PathLike, Sequence)):
        return None
    roots: dict[str, Location] = {}
    for number, path in enumerate([source] if isinstance(source, (str, os.PathLike)) else source):
        name, folder = split_name(path, number)
        if name in roots:
            raise UsageError(f"two sources are named {name}; give each its own name")
        roots[name] = parse_location(folder)
    return roots


def split_name(path: str | os.PathLike[str], number: int) -> tuple[str, str | os.PathLike[str]]:
    """Return the name and the path of ``name=path``; ``#number`` and the text itself if it has no name."""
    name, equals, folder = os.fspath(path).partition("=")
    try:
        is_named = bool(equals) and name.isidentifier() and not Path(path).exists()
    except (OSError, ValueError):  # such as a name that is too long: no such file can exist
        is_named = True
    return (name, folder) if is_named else (f"#{number}", path)
