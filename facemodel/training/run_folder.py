"""A run's folder: what lies where, who may work in it, and whether a run there can be gone on with."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facedata import PreparedSet
from facedata.errors import SetError, StoreError
from facedata.files.atomic import write_text
from facedata.files.locks import locked
from facedata.options import fingerprint_of
from facedata.sets.prepared import short

from ..config import FitConfig
from ..errors import NewerVersionError, RunError
from ..machine.ranks import Ranks
from .checkpoint import checkpoint_files
from .history import EVENTS

logger = logging.getLogger(__name__)

VERSION = 1
STATE, _MARK = "state", "settings.json"
_FILES = (
    "config.toml", "history.csv", "history.xlsx", "curves.png", "usage.png", "first_batch.png",
    "best.safetensors", "last.safetensors", "spec.json", "people.parquet", "validation.parquet",
)  # fmt: skip
_KEPT = ("best.safetensors", "last.safetensors", "spec.json")


@dataclass(frozen=True)
class RunFolder:
    """A run's folder.

    Attributes:
        path: of it.
        ranks: the processes of this run; only the first writes.
        config: of the run.
        settings: what the run depends on, as JSON: the mark that a folder is a run.
        goes_on: the run that is there is gone on with; else :meth:`begin` makes it.
    """

    path: Path
    ranks: Ranks
    config: FitConfig
    settings: str
    goes_on: bool

    @property
    def state(self) -> Path:
        """What a run is gone on with from."""
        return self.path / STATE

    @property
    def done(self) -> dict[str, Any] | None:
        """What a finished run came to; None while it is not finished."""
        found = _read(self.state / "done.json") if self.goes_on else None
        return found if found is not None and isinstance(found.get("lines"), list) else None

    def begin(self) -> None:
        """Make a new run: only now, when all that it needs is there, is an older one removed.

        The mark that the folder is a run is never away, whenever this is stopped.
        """
        if self.goes_on or not self.ranks.first:
            return
        self.state.mkdir(exist_ok=True)
        _clear(self.path)
        write_text(self.state / _MARK, self.settings)
        _write_config(self)

    def refuse_gone(self) -> None:
        """See that what a finished run is for is still there.

        Raises:
            RunError: its weights or its spec are gone.
        """
        if gone := [name for name in _KEPT if self.ranks.first and not (self.path / name).is_file()]:
            raise RunError(f"of the run {self.path} {', '.join(gone)} is gone: start afresh with --overwrite")

    def finish(self, result: dict[str, Any]) -> None:
        """Say that the run is finished, and what it came to."""
        write_text(self.state / "done.json", json.dumps(result, indent=1, sort_keys=True) + "\n")


@contextmanager
def open_run(out: Path, config: FitConfig, prepared: PreparedSet, ranks: Ranks) -> Iterator[RunFolder]:
    """Open a run's folder to work in it, locked; a new one is made, one to go on with is compared.

    Nothing of an older run is touched here: :meth:`RunFolder.begin` does that.

    Args:
        out: the folder.
        config: of the run; ``resume`` goes on with the one that is there, ``overwrite`` takes its place.
        prepared: the set it trains on.
        ranks: the processes; the first one makes and compares, the others wait for it.

    Raises:
        RunError: there is a run already, or none to go on with; it has other settings or another set; another
            process works on it; or the folder holds something else.
        NewerVersionError: it was made by a later facemodel.
        StoreError: it cannot be written.
    """
    settings = _settings(config, prepared)
    if not ranks.first:
        yield RunFolder(out, ranks, config, settings, ranks.told(None))
        return
    _refuse_nothing(out, config)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {out}: {error.strerror or error}") from error
    with ExitStack() as held:
        try:
            held.enter_context(locked(out))
        except SetError as error:  # facedata's lock says it of a set
            raise RunError(str(error)) from error
        goes_on = _goes_on(RunFolder(out, ranks, config, settings, True), prepared)
        yield RunFolder(out, ranks, config, settings, ranks.told(goes_on))


def _goes_on(run: RunFolder, prepared: PreparedSet) -> bool:
    """Tell whether the run that is there is gone on with; refuse what must not be touched."""
    config, there = run.config, (run.state / _MARK).is_file()
    if not there and not _is_free(run.path):
        raise RunError(f"{run.path} holds something else than a run: choose another --out")
    if there and not config.resume and not config.overwrite and _has_come_to_anything(run):
        what = "a finished run" if run.done is not None else "an unfinished run"
        raise RunError(f"{run.path} holds {what}: go on with --resume, or start afresh with --overwrite")
    if not config.resume:
        return False
    if not there or not _has_come_to_anything(run):
        if there:
            _compare(run, prepared)
        logger.info("%s holds nothing to go on with yet: it begins", run.path)
        return False
    _compare(run, prepared)
    _sweep(run)
    if not (run.path / "config.toml").is_file():
        _write_config(run)
    return True


def _is_free(path: Path) -> bool:
    """Tell whether a folder holds nothing but what a run that was stopped at its very first step left."""
    state = path / STATE
    others = [entry for entry in path.iterdir() if entry != state]
    return not others and (
        not state.exists() or {entry.name for entry in state.iterdir()} <= {f".{_MARK}.tmp"}
    )


def _sweep(run: RunFolder) -> None:
    """Remove what writing that was killed left; safetensors writes under a name of its own, ``.tmp…``."""
    for left in (*run.path.glob(".*.tmp"), *run.state.glob(".*.tmp"), *run.state.glob(".tmp*")):
        left.unlink(missing_ok=True)


def _write_config(run: RunFolder) -> None:
    """Write the options as run, so that they can be run again: to go on or to overwrite is said each time."""
    asked = dataclasses.replace(run.config, resume=False, overwrite=False)
    write_text(run.path / "config.toml", asked.to_toml())


def _refuse_nothing(out: Path, config: FitConfig) -> None:
    if config.resume and not out.is_dir():
        raise RunError(f"there is no run {out} to go on with: leave --resume away to begin it")


def _has_come_to_anything(run: RunFolder) -> bool:
    """Tell whether something would be lost; a run that was refused its data has left nothing but its mark."""
    return run.done is not None or bool(checkpoint_files(run.state))


def _settings(config: FitConfig, prepared: PreparedSet) -> str:
    place = prepared.path
    values = {
        "version": VERSION,
        "set": prepared.fingerprint,
        "tables": _tables(prepared),
        # only so that `export` finds crops to compare with; a set may move, and the run goes on
        "set_path": str(place.resolve() if isinstance(place, Path) else place),
        "settings": config.settings(),
    }
    return json.dumps(values, indent=1, sort_keys=True) + "\n"


def _tables(prepared: PreparedSet) -> dict[str, str]:
    """Return the SHA-256 of what training reads: the fingerprint knows nothing of splits, pairs, triplets."""
    tables = prepared.info["tables"]
    return {kind: tables[kind]["sha256"] for kind in ("classes", "pairs", "triplets") if kind in tables}


def _compare(run: RunFolder, prepared: PreparedSet) -> None:
    """Refuse to go on under other settings, naming each that differs."""
    found, config = _read(run.state / _MARK) or {}, run.config
    version, theirs = found.get("version"), found.get("settings")
    if type(version) is not int or not isinstance(theirs, dict) or not isinstance(found.get("set"), str):
        raise RunError(f"{run.state / _MARK} cannot be read: start afresh with --overwrite")
    if version > VERSION:
        raise NewerVersionError(
            f"{run.path} was made by a later facemodel (format {version}; this one knows {VERSION})"
        )
    if found["set"] != prepared.fingerprint:
        raise RunError(
            f"{run.path} trains on the set {short(found['set'])}, and {prepared.path} is "
            f"{short(prepared.fingerprint)}: go on with that one, or start afresh with --overwrite"
        )
    if found.get("tables", _tables(prepared)) != _tables(prepared):
        raise RunError(
            f"the set {prepared.path} was divided anew, or its pairs and triplets were drawn anew, since "
            f"{run.path} began: other photos would train now; start afresh with --overwrite"
        )
    ours = config.settings()
    if fingerprint_of(theirs) == fingerprint_of(ours):
        return
    differ = [
        f"--{name.replace('_', '-')} is {ours.get(name)!r} and was {theirs.get(name)!r}"
        for name in sorted({*theirs, *ours})
        if theirs.get(name) != ours.get(name)
    ]
    raise RunError(
        f"{run.path} has other settings: {'; '.join(differ)}. Go on under the old ones (--config "
        f"{run.path / 'config.toml'} --resume), or start afresh with --overwrite"
    )


def _clear(path: Path) -> None:
    """Remove what a run writes, and nothing else: first what one could go on from; its mark stays."""
    for left in (path / STATE).iterdir():
        if left.name != _MARK and left.is_file():
            left.unlink()
    for left in (*(path / name for name in _FILES), *path.glob(".*.tmp")):
        left.unlink(missing_ok=True)
    shutil.rmtree(path / EVENTS, ignore_errors=True)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or half of it
        return None
    return found if isinstance(found, dict) else None
