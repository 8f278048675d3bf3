"""A run's folder: which files it has, which process may write to it, and whether its run can be resumed."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from facedata import PreparedSet
from facedata.errors import SetError, StoreError
from facedata.files.atomic import write_text
from facedata.files.locks import locked
from facedata.options import setting_differences
from facedata.pages.card import is_edited
from facedata.sets.prepared import short

from ..config import AUTO, PRECISIONS, TAKEN_FROM_START, FitConfig
from ..errors import NewerVersionError, RunError
from ..machine.ranks import Ranks
from ..models.header import DONE, STATE
from ..network.started.network import Start
from ..recipe_choice import SetFacts, adapt_options, adopt_choice
from ..recipes import load_recipe
from .checkpoint import checkpoint_files
from .finetune.open_start import adopt_start
from .history import EVENTS

logger = logging.getLogger(__name__)

VERSION = 1
REPORT = "report.html"
_MARK = "settings.json"
_FILES = (
    "config.toml", "history.csv", "history.xlsx", "curves.png", "usage.png", "first_batch.png",
    "best.safetensors", "last.safetensors", "spec.json", "people.parquet", "validation.parquet",
    "doubted.parquet", REPORT,
)  # fmt: skip
_CARDS = ("README.md", "README.new.md")
"""Removed with an older run unless somebody has written in them."""

_KEPT = ("best.safetensors", "last.safetensors", "spec.json")


@dataclass(frozen=True)
class RunFolder:
    """A run's folder.

    Attributes:
        path: of the folder.
        ranks: the processes of this run; only the first writes.
        config: of the run; what a resumed run has decided already is taken from it.
        data: what the run depends on besides its options: the set and its tables.
        resumes: the run in the folder is resumed; else :meth:`begin` makes a new one.
        epochs_before: how many epochs the resumed run was to have, if it is to have more now; else None.
        start: the finished model that a new run starts from; None for none, and for a resumed run.
    """

    path: Path
    ranks: Ranks
    config: FitConfig
    data: Mapping[str, Any]
    resumes: bool
    epochs_before: int | None = None
    start: Start | None = None

    @property
    def state(self) -> Path:
        """The folder of the checkpoints and of everything else a run needs to resume."""
        return self.path / STATE

    @property
    def done(self) -> dict[str, Any] | None:
        """The result of a finished run; None while it is not finished."""
        result = _read(self.state / DONE) if self.resumes else None
        return result if result is not None and isinstance(result.get("lines"), list) else None

    def begin(self) -> None:
        """Make a new run, and remove an older one: only now, when everything the new one needs is there.

        The settings file, which marks the folder as a run's, exists at every moment. A resumed run keeps all
        it has; if it is to have more epochs, this is written down.
        """
        if not self.ranks.is_first or (self.resumes and self.epochs_before is None):
            return
        if self.resumes:
            (self.state / DONE).unlink(missing_ok=True)
            self._write_settings()
            return
        self.state.mkdir(exist_ok=True)
        # only the files of a run, and first those that it would resume from
        old = [file for file in self.state.iterdir() if file.name != _MARK and file.is_file()]
        cards = [self.path / name for name in _CARDS if not is_edited(self.path / name)]
        for file in (*old, *(self.path / name for name in _FILES), *cards, *self.path.glob(".*.tmp")):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.path / EVENTS, ignore_errors=True)
        self._write_settings()

    def _write_settings(self) -> None:
        values = {**self.data, "settings": self.config.settings()}
        write_text(self.state / _MARK, json.dumps(values, indent=1, sort_keys=True) + "\n")
        self.write_config()

    def write_config(self) -> None:
        """Write the options; --resume and --overwrite are given each time, so they are left out."""
        config = dataclasses.replace(self.config, resume=False, overwrite=False)
        write_text(self.path / "config.toml", config.to_toml())

    def check_kept(self) -> None:
        """Check that the model of a finished run is still there.

        Raises:
            RunError: its weights or its spec are gone.
        """
        if gone := [name for name in _KEPT if self.ranks.is_first and not (self.path / name).is_file()]:
            raise RunError(f"the run {self.path} lacks {', '.join(gone)}: start over with --overwrite")

    def finish(self, result: dict[str, Any]) -> None:
        """Mark the run as finished, with its result."""
        write_text(self.state / DONE, json.dumps(result, indent=1, sort_keys=True) + "\n")


@contextmanager
def open_run_folder(
    out: Path, config: FitConfig, prepared: PreparedSet, ranks: Ranks, keeps_epochs: bool = False
) -> Iterator[RunFolder]:
    """Open and lock a run's folder, or make it; a run to resume must have the same settings.

    An older run is not changed here: :meth:`RunFolder.begin` does that.

    Args:
        out: the folder.
        config: of the run; ``resume`` resumes the run in the folder, ``overwrite`` replaces it. A resumed run
            may have more epochs than before; ``precision`` auto then means its own.
        prepared: the set it trains on.
        ranks: the processes; the others wait for the first one.
        keeps_epochs: the number of epochs in ``config`` is only a default: a resumed run keeps its own.

    Raises:
        RunError: there is a run already, or none to resume; it has other settings or another set; another
            process uses it; or the folder holds something else.
        NewerVersionError: it was made by a later facemodel.
        StoreError: it cannot be written.
    """
    data = {
        "version": VERSION,
        "set": prepared.fingerprint,
        "tables": _table_digests(prepared),
        # only so that `export` finds crops to compare with; a set may move, and its run still resumes
        "set_path": str(prepared.path.resolve() if isinstance(prepared.path, Path) else prepared.path),
    }
    if not ranks.is_first:
        config, resumes, before = ranks.from_first(cast(tuple[FitConfig, bool, int | None] | None, None))
        config, start = (config, None) if resumes else adopt_start(config, out)
        yield RunFolder(out, ranks, config, data, resumes, before, start)
        return
    if config.resume and not out.is_dir():
        raise RunError(f"there is no run {out} to resume: drop --resume to start one")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {out}: {error.strerror or error}") from error
    with ExitStack() as held:
        try:
            held.enter_context(locked(out))
        except SetError as error:  # facedata's lock speaks of a set
            raise RunError(str(error)) from error
        recorded = (_read(out / STATE / _MARK) or {}).get("settings") if config.resume else None
        if isinstance(recorded, dict):
            config = _adopt(config, recorded)
            if keeps_epochs and type(recorded.get("epochs")) is int:
                config = dataclasses.replace(config, epochs=recorded["epochs"])
        resumes = _check_resumes(RunFolder(out, ranks, config, data, True), prepared)
        before = recorded["epochs"] if resumes and isinstance(recorded, dict) else config.epochs
        before = before if before < config.epochs else None
        if not resumes and config.adapt:
            config, chosen = adapt_options(config, SetFacts.of(prepared))
            logger.info("%s", chosen)
        ranks.from_first((config, resumes, before))
        config, start = (config, None) if resumes else adopt_start(config, out)
        yield RunFolder(out, ranks, config, data, resumes, before, start)


def _adopt(config: FitConfig, recorded: Mapping[str, Any]) -> FitConfig:
    """Return the options, with what a resumed run has decided.

    That is its precision, a shortened warm-up, what it chose by its set (``adapt``), and what it took from
    the model that it started from.
    """
    if config.adapt:
        config = adopt_choice(config, recorded)
    if config.start is not None:
        taken = {name: recorded[name] for name in TAKEN_FROM_START if name in recorded}
        config = dataclasses.replace(config, **taken)
    if config.precision == AUTO and recorded.get("precision") in PRECISIONS:
        config = dataclasses.replace(config, precision=recorded["precision"])
    recipe, warmup = (
        load_recipe(config.recipe).config if config.recipe else FitConfig(),
        recorded.get("warmup_epochs"),
    )
    if isinstance(warmup, float) and config.warmup_epochs == recipe.warmup_epochs > warmup:
        config = dataclasses.replace(config, warmup_epochs=warmup)
    return config


def _check_resumes(folder: RunFolder, prepared: PreparedSet) -> bool:
    """Tell whether the run in a folder is to be resumed; refuse a folder that must not be touched."""
    path, state, config = folder.path, folder.state, folder.config
    if not (state / _MARK).is_file():
        # a run that was killed at its very first step leaves at most this temporary file
        others = [entry.name for entry in path.iterdir() if entry != state]
        if others or (state.exists() and {entry.name for entry in state.iterdir()} - {f".{_MARK}.tmp"}):
            raise RunError(f"{path} holds something other than a run: choose another --out")
        if config.resume:
            logger.info("%s holds nothing to resume yet: starting the run", path)
        return False
    # a run whose data were refused has left only its settings file
    is_begun = folder.done is not None or bool(checkpoint_files(state))
    if is_begun and not config.resume and not config.overwrite:
        what, how = "an unfinished run", "resume it with --resume"
        if folder.done is not None:
            what, how = "a finished run", "train it further with --resume and more --epochs"
        raise RunError(f"{path} holds {what}: {how}, or start over with --overwrite")
    if not config.resume:
        return False
    _check_same(folder, prepared)
    if not is_begun:
        logger.info("%s holds nothing to resume yet: starting the run", path)
        return False
    # left by a killed write; safetensors has its own temporary names, `.tmp…`
    for file in (*path.glob(".*.tmp"), *state.glob(".*.tmp"), *state.glob(".tmp*")):
        file.unlink(missing_ok=True)
    if not (path / "config.toml").is_file():
        folder.write_config()
    return True


def _check_same(folder: RunFolder, prepared: PreparedSet) -> None:
    """Refuse to resume with other settings, naming each that differs."""
    path, mark = folder.path, folder.state / _MARK
    before = _read(mark) or {}
    version, settings = before.get("version"), before.get("settings")
    if type(version) is not int or not isinstance(settings, dict) or not isinstance(before.get("set"), str):
        raise RunError(f"{mark} cannot be read: start over with --overwrite")
    if version > VERSION:
        raise NewerVersionError(
            f"{path} was made by a later facemodel (format {version}; this one knows {VERSION})"
        )
    if before["set"] != prepared.fingerprint:
        raise RunError(
            f"{path} trains on the set {short(before['set'])}, and {prepared} is "
            f"{short(prepared.fingerprint)}: resume with that set, or start over with --overwrite"
        )
    if before.get("tables", _table_digests(prepared)) != _table_digests(prepared):
        raise RunError(
            f"the splits, pairs or triplets of the set {prepared} were made again since {path} began: "
            "the run would train on other photos; start over with --overwrite"
        )
    now = folder.config.settings()
    # an older run lacks options that came later, and has some under other names
    settings = {FitConfig.renamed.get(name, name): value for name, value in settings.items()}
    settings = {**FitConfig().settings(), **settings}
    epochs, differences = settings.get("epochs"), setting_differences(settings, now)
    if type(epochs) is int and not setting_differences({**settings, "epochs": now["epochs"]}, now):
        if epochs > now["epochs"]:
            raise RunError(
                f"{path} is a run of {epochs} epochs, and --epochs {now['epochs']} is fewer: a run can only "
                "be made longer. Its model is the best epoch's in any case; for a shorter run choose another "
                "--out"
            )
        return
    if differences:
        raise RunError(
            f"{path} has other settings ({differences}): resume with its own (--config "
            f"{path / 'config.toml'} --resume), or start over with --overwrite"
        )


def _table_digests(prepared: PreparedSet) -> dict[str, str]:
    """Return the SHA-256 of the tables that training reads, which the set's fingerprint does not cover."""
    tables = prepared.info["tables"]
    return {kind: tables[kind]["sha256"] for kind in ("classes", "pairs", "triplets") if kind in tables}


def _read(file: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing or incomplete
        return None
    return values if isinstance(values, dict) else None
