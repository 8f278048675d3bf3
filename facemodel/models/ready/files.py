"""The file of a ready model: in the cache, downloaded once, or the user's own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facedata.errors import DownloadError, StoreError, UsageError, writing
from facedata.files.atomic import atomic_file, file_sha256
from facedata.files.download import check_own, default_cache, fetch
from facedata.options import nearest

from .table import READY, ReadyFile, ReadyModel


def weights_folder(cache: str | Path | None = None) -> Path:
    """Return where the files lie: ``weights/`` in the cache folder, which facedata's weights share."""
    return (Path(cache) if cache is not None else default_cache()) / "weights"


def find_ready(name: str, weights: str | Path | None = None, cache: str | Path | None = None) -> ReadyFile:
    """Return a ready model's file; it is downloaded if it is not in the cache.

    Args:
        name: the model's.
        weights: the user's own file; only the pinned content is accepted.
        cache: the cache folder; None for ``~/.cache/facedata``.

    Raises:
        UsageError: there is no such model, or the given file is missing or has another SHA-256.
        DownloadError: no network, the server refuses, or the bytes are not the pinned ones.
        StoreError: the cache folder cannot be written.
    """
    model = _look_up(name)
    if weights is not None:
        return ReadyFile(model, check_own(Path(weights), model.file, model.name))
    folder = weights_folder(cache)
    path = folder / model.file.name
    if path.is_file() and file_sha256(path) == model.file.sha256:  # a cache may be there to read only
        return ReadyFile(model, path)
    try:
        return ReadyFile(model, fetch(model.file, folder))
    except DownloadError as error:
        raise DownloadError(
            f"the ready model {name} is not on this machine: {error} ({model.size_bytes / 1e6:.1f} MB, "
            f"SHA-256 {model.file.sha256})"
        ) from error
    except StoreError as error:
        raise StoreError(
            f"the ready model {name} cannot be kept: {str(error).removesuffix('; see --cache')}; name "
            "another cache folder with XDG_CACHE_HOME, or the file with --weights PATH"
        ) from error


def list_ready(cache: str | Path | None = None) -> list[dict[str, Any]]:
    """Return a row on each ready model, with the path where its file is or would be."""
    rows = []
    for model in READY.values():
        path = weights_folder(cache) / model.file.name
        rows.append(
            {
                "model": model.name,
                "file": model.file.name,
                "size_bytes": model.size_bytes,
                "licence": model.licence,
                "origin": model.origin,
                "template": model.spec.template,
                "dim": model.spec.dim,
                "metric": model.spec.metric,
                "threshold": model.spec.threshold,
                "threshold_basis": model.spec.threshold_basis,
                "url": model.file.url,
                "sha256": model.file.sha256,
                "path": str(path),
                "present": path.is_file() and file_sha256(path) == model.file.sha256,
            }
        )
    return rows


def ready_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what ``facemodel weights list`` prints, from what :func:`list_ready` gives."""
    lines, width = [], 2 + max(len(row["model"]) for row in rows)
    for row in rows:
        side = "at most" if row["metric"] == "euclidean" else "at least"
        threshold = "none is published: choose one with `facemodel evaluate … --keep-threshold`"
        if row["threshold"] is not None:
            threshold = f"{row['metric']} {side} {row['threshold']:g}, {row['threshold_basis']}"
        state = "downloaded" if row["present"] else "not downloaded"
        file = f"{row['file']}, {row['size_bytes'] / 1e6:.1f} MB, {row['licence']}, {row['origin']}"
        about = (
            f"{file}, SHA-256 {row['sha256']}",
            f"takes {row['template']} crops, gives {row['dim']} numbers",
            f"threshold: {threshold}",
            f"{state}: {row['path']}",
        )
        lines += [f"{'' if at else row['model']:<{width}}{text}" for at, text in enumerate(about)]
    return lines


def fetch_ready(
    names: Sequence[str], weights: str | Path | None = None, cache: str | Path | None = None
) -> list[Path]:
    """Download ready models into the cache, except those that are there already.

    Args:
        names: theirs, or ``all``.
        weights: a file to put there instead of downloading it; of one model.
        cache: the cache folder; None for ``~/.cache/facedata``.

    Raises:
        UsageError: there is no such model, or the given file is missing or has another SHA-256.
        DownloadError: no network, the server refuses, or the bytes are not the pinned ones.
        StoreError: the cache folder cannot be written.
    """
    chosen = list(READY) if "all" in names else list(dict.fromkeys(names))
    for name in chosen:  # before the first byte is downloaded
        _look_up(name)
    if weights is None:
        return [find_ready(name, cache=cache).path for name in chosen]
    if len(chosen) != 1:
        raise UsageError(f"--weights {weights} is one model's file: name that model alone")
    return [_take_over(find_ready(chosen[0], weights), weights_folder(cache))]


def _look_up(name: str) -> ReadyModel:
    if name not in READY:
        near = nearest(name, READY) or f"; there are {', '.join(READY)}"
        raise UsageError(f"there is no ready model {name}{near}")
    return READY[name]


def _take_over(own: ReadyFile, folder: Path) -> Path:
    """Copy the user's own file, which has the right content, into the cache."""
    path = folder / own.model.file.name
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with own.path.open("rb") as source, atomic_file(path) as copy:
        shutil.copyfileobj(source, copy)
    return path
