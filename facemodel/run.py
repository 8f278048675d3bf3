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
from facedata.options import fingerprint_of
from facedata.prepared import locked, short
from facedata.whole import write_text

from .checkpoint import checkpoint_files
from .config import FitConfig
from .distributed import Ranks
from .errors import NewerVersionError, RunError
from .history import EVENTS

logger = logging.getLogger(__name__)

VERSION = 1
STATE = "state"
_FILES = (
    "config.toml", "history.csv", "history.xlsx", "curves.png", "usage.png", "first_batch.png",
    "best.safetensors", "last.safetensors", "spec.json", "people.parquet", "validation.parquet",
)  # fmt: skip
_FOLDERS = (EVENTS, STATE)


@dataclass(frozen=True)
class RunFolder:
    """A run's folder.

    Attributes:
        path: of it.
        ranks: the processes of this run; only the first writes.
    """

    path: Path
    ranks: Ranks

    @property
    def state(self) -> Path:
        """What a run is gone on with from."""
        return self.path / STATE

    @property
    def done(self) -> dict[str, Any] | None:
        """What a finished run came to; None while it is not finished."""
        return _read(self.state / "done.json")

    def finish(self, result: dict[str, Any]) -> None:
        """Say that the run is finished, and what it came to."""
        write_text(self.state / "done.json", json.dumps(result, indent=1, sort_keys=True) + "\n")


@contextmanager
def open_run(out: Path, config: FitConfig, prepared: PreparedSet, ranks: Ranks) -> Iterator[RunFolder]:
    """Open a run's folder to work in it, locked; a new one is made, one to go on with is compared.

    Args:
        out: the folder.
        config: of the run; ``resume`` goes on with the one that is there, ``overwrite`` removes it.
        prepared: the set it trains on.
        ranks: the processes; the first one makes and compares, the others wait for it.

    Raises:
        RunError: there is a run already, or none to go on with; it has other settings or another set; another
            process works on it; or the folder holds something else.
        NewerVersionError: it was made by a later facemodel.
        StoreError: it cannot be written.
    """
    run = RunFolder(out, ranks)
    if not ranks.first:
        ranks.wait()
        yield run
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
        _claim(run, config, prepared)
        ranks.wait()
        yield run


def _claim(run: RunFolder, config: FitConfig, prepared: PreparedSet) -> None:
    there = _is_run(run.path)
    if not there and any(entry.name != STATE for entry in run.path.iterdir()):
        raise RunError(f"{run.path} holds something else than a run: choose another --out")
    if there and config.overwrite:
        _clear(run.path)
    elif there and not config.resume and _has_come_to_anything(run):
        what = "a finished run" if run.done is not None else "an unfinished run"
        raise RunError(f"{run.path} holds {what}: go on with --resume, or start afresh with --overwrite")
    elif there and config.resume:
        _compare(run, config, prepared)
        if not (run.path / "config.toml").is_file():
            _write_config(run, config)
        _say_where(run)
        return
    _begin(run, config, prepared)
    if config.resume:
        logger.info("%s holds no run yet: it begins", run.path)


def _begin(run: RunFolder, config: FitConfig, prepared: PreparedSet) -> None:
    """Make a new run of a folder, which may hold what a clearing that was killed left of an older one."""
    run.state.mkdir(exist_ok=True)
    for old in (*checkpoint_files(run.state), run.state / "done.json"):
        old.unlink(missing_ok=True)
    # the mark goes first: a folder that holds a file of ours, and no mark, is taken for something else
    write_text(run.state / "settings.json", _settings(config, prepared))
    _write_config(run, config)


def _write_config(run: RunFolder, config: FitConfig) -> None:
    """Write the options as run, so that they can be run again: to go on or to overwrite is said each time."""
    asked = dataclasses.replace(config, resume=False, overwrite=False)
    write_text(run.path / "config.toml", asked.to_toml())


def _refuse_nothing(out: Path, config: FitConfig) -> None:
    if config.resume and not out.is_dir():
        raise RunError(f"there is no run {out} to go on with: leave --resume away to begin it")


def _is_run(path: Path) -> bool:
    return (path / STATE / "settings.json").is_file()


def _has_come_to_anything(run: RunFolder) -> bool:
    """Tell whether something would be lost; a run that was refused its data has left nothing but its mark."""
    return run.done is not None or bool(checkpoint_files(run.state))


def _say_where(run: RunFolder) -> None:
    if not _has_come_to_anything(run):
        logger.info("%s was stopped before its first checkpoint: it begins anew", run.path)


def _settings(config: FitConfig, prepared: PreparedSet) -> str:
    place = prepared.path
    values = {
        "version": VERSION,
        "set": prepared.fingerprint,
        # only so that `export` finds crops to compare with; a set may move, and the run goes on
        "set_path": str(place.resolve() if isinstance(place, Path) else place),
        "settings": config.settings(),
    }
    return json.dumps(values, indent=1, sort_keys=True) + "\n"


def _compare(run: RunFolder, config: FitConfig, prepared: PreparedSet) -> None:
    """Refuse to go on under other settings, naming each that differs."""
    found = _read(run.state / "settings.json")
    if found is None:
        raise RunError(f"{run.state / 'settings.json'} cannot be read: start afresh with --overwrite")
    if int(found["version"]) > VERSION:
        raise NewerVersionError(
            f"{run.path} was made by a later facemodel (format {found['version']}; this one knows {VERSION})"
        )
    if found["set"] != prepared.fingerprint:
        raise RunError(
            f"{run.path} trains on the set {short(found['set'])}, and {prepared.path} is "
            f"{short(prepared.fingerprint)}: go on with that one, or start afresh with --overwrite"
        )
    theirs, ours = found["settings"], config.settings()
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
    """Remove what a run writes, and nothing else; the mark that it is a run goes last."""
    for name in _FILES:
        (path / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        shutil.rmtree(path / name, ignore_errors=True)


def _read(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or half of it
        return None
    return found if isinstance(found, dict) else None
