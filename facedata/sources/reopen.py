"""From a finished set's dataset.json back to the source it was prepared from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import PrepareConfig
from ..errors import UsageError
from ..photos.paths import photo_path
from . import SourceLike, open_source, source_paths
from .base import Source
from .lfw import LFW_IMAGES

_KINDS = PrepareConfig.__dataclass_fields__["kind"].metadata["choices"]


def reopen_source(
    info: Mapping[str, Any], source: SourceLike | None = None, cache: str | None = None
) -> Source:
    """Return the source that a set was prepared from; nothing is read yet.

    Args:
        info: the contents of its dataset.json.
        source: where the photos are now, when they have moved; as for :func:`facedata.prepare`. For a
            table, a folder alone does: the table is then still where it was.
        cache: folder for downloads and unpacked archives.

    Raises:
        UsageError: the source was an object of somebody's own class and ``source`` is none, or ``source``
            does not fit the set's kind of source.
    """
    kind, root, settings = info["source"]["kind"], photo_path(info["source"]["root"]), info["settings"]
    if kind not in _KINDS:
        if source is None or isinstance(source, (str, Path)):
            raise UsageError(
                f"the set's photos came from {kind!r}, which has no name here; pass the source object itself"
            )
        return open_source(source, PrepareConfig())
    options = {"identity_from": settings["identity_from"], "view": settings["view"], "cache": cache}
    if kind == "lfw" and source is None:
        for images, remote in LFW_IMAGES.items():
            if remote.url == root:
                return open_source(None, PrepareConfig(kind=kind, lfw_images=images, **options))
    typed = _typed(kind, root) if source is None else _moved(kind, root, source)
    return open_source(typed, PrepareConfig(kind=kind, **options))


def _typed(kind: str, root: str) -> str | list[str] | dict[str, str] | None:
    """Return what the user typed, from what dataset.json names as the source.

    >>> _typed("folder", "lfw=a/lfw,mine=b"), _typed("table", "table=t.csv,root=photos")
    ({'lfw': 'a/lfw', 'mine': 'b'}, ['t.csv', 'photos'])
    """
    if kind == "demo":
        return None
    if kind == "folder":
        return _folders(root)
    found = re.fullmatch(r"table=(.+?),root=(.+)", root, re.DOTALL) if kind == "table" else None
    return [found[1], found[2]] if found else root


def _moved(kind: str, root: str, source: SourceLike) -> SourceLike:
    paths = source_paths(source)
    if kind != "table" or len(paths) != 1 or not paths[0].is_dir():
        return source
    before = _typed(kind, root)
    return [before[0] if isinstance(before, list) else root, str(paths[0])]


def _folders(root: str) -> str | dict[str, str]:
    """Part ``name=folder,name=folder``; where a folder's own name looks like that, it is what is there."""
    if not re.match(r"[^/=,]+=", root) or Path(root).exists():
        return root
    return dict(part.split("=", 1) for part in re.split(r",(?=[^/=,]+=)", root))
