"""The page of a run: how it went, epoch by epoch, what it trained on, and what to do with it next.

It holds no times, so a run that was killed and resumed ends with the same page as an unbroken one.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facedata.files.atomic import atomic_file
from facedata.pages.page import render_page
from facedata.pages.sheets import picture_url
from facedata.sets.prepared import short
from facedata.types import Int64Array, UInt8Image

from ..cards.model_card import write_run_card
from ..config import FitConfig
from ..models.header import SPEC
from ..recipes import load_recipe
from ..spec import InputSpec, read_spec
from ..training.guards import new_findings
from ..training.history import COLUMNS, EpochRow
from ..training.run import Run
from ..training.run_folder import REPORT
from ..training.state import merit
from ..unused_options import unused_lines
from .names import folder_name
from .run_curves import draw_curves, draw_usage

logger = logging.getLogger(__name__)

_TEMPLATE = Path(__file__).with_name("run.html")
_MOST_SIDE_PX = 1320
"""Of the picture of the first batch."""

_FIGURES = {
    "val_auc": "AUC of the validation pairs",
    "val_accuracy": "accuracy of the validation",
    "val_loss": "loss of the validation rows",
    "probe_auc": "AUC of as many pairs of training people",
    "probe_accuracy": "accuracy of training people",
    "probe_loss": "loss of as many rows of training people",
    "loss": "training loss",
    "active": "share of triplets with a loss",
    "spread": "spread of the embeddings",
    "threshold": "best threshold of the validation pairs",
    "class_threshold": "threshold of the classifier",
}
_KNOWN_BY = {True: "counted", False: "extrapolated"}
_ROW_WORDS = {
    "triplets": "each line is an anchor, a photo of the same person and one of another",
    "pairs": "each line is a pair",
    "photos": "photos",
    "people": "photos, those of a person beside one another",
}


@dataclass(frozen=True, eq=False)
class RunStory:
    """What the page of a run tells.

    Attributes:
        name: of the run's folder.
        config: of the run.
        set_name: of the set's folder.
        fingerprint: the set's.
        rows: the history, beginning with the row before epoch 1.
        best: the best epoch's row; None if none was judged.
        usage: ``(n,)`` int64, how often each training crop was used.
        people: how many people train.
        validation: which pairs judge, in a sentence.
        notes: what the user should know, a sentence each.
        spec: the input spec of the best epoch; None while there is none.
        first_batch: as the network sees it, ``(height, width, 3)`` uint8 RGB; None if its picture is gone.
    """

    name: str
    config: FitConfig
    set_name: str
    fingerprint: str
    rows: Sequence[EpochRow]
    best: EpochRow | None
    usage: Int64Array
    people: int
    validation: str
    notes: tuple[str, ...] = ()
    spec: InputSpec | None = None
    first_batch: UInt8Image | None = None

    @classmethod
    def of(cls, run: Run, notes: Sequence[str] = ()) -> RunStory:
        """Gather what the page tells of a run; nothing that a resumed run would say otherwise."""
        inputs, state, folder = run.inputs, run.state, run.folder.path
        validation, *others = inputs.validation.notes
        said = [run.trainer.objective.model.pretrained.line, *unused_lines(run.config)]
        return cls(
            folder_name(folder.resolve()), run.config, folder_name(inputs.prepared.path),
            inputs.prepared.fingerprint, state.rows, state.best, state.usage.counts,
            len(inputs.training.names), validation.removeprefix("validation: "),
            (*said, *others, *inputs.sampler.notes, *notes),
            read_spec(folder / SPEC) if (folder / SPEC).is_file() else None,
            _read_picture(folder / "first_batch.png"),
        )  # fmt: skip

    @property
    def epochs(self) -> int:
        """How many are done."""
        return self.rows[-1].epoch if self.rows else 0

    def next_commands(self) -> dict[str, str]:
        """Return commands for what comes next, by what they do."""
        run, place = shlex.quote(self.name), shlex.quote(self.set_name)
        score = {"score it on the test split": f"facemodel evaluate {run} {place} --out scores"}
        again = f"facemodel fit {place} --config {run}/config.toml --out {run} --resume"
        if self.epochs < self.config.epochs:
            return {**score, "continue it, should it stop": again}
        return {**score, "train it further": f"{again} --epochs {self.config.epochs + 10}"}


def write_run_page(run: Run, notes: Sequence[str] = ()) -> None:
    """Write a run's ``report.html`` and its card as the run is now; what cannot be written is only a warning.

    Args:
        run: the run; only its first process writes.
        notes: more that the user should know.
    """
    if not run.is_first:
        return
    file = run.folder.path / REPORT
    try:
        page = render_run(RunStory.of(run, notes))
        with atomic_file(file) as stream:
            stream.write(page)
    except Exception as error:  # noqa: BLE001  whatever it is, a page must not end a night of training
        logger.warning("%s could not be written, and the run continues without it: %s", file, error)
    write_run_card(run.folder.path, run.inputs.prepared)


def render_run(story: RunStory) -> bytes:
    """Return the page of a run as HTML."""
    config, rows, best = story.config, story.rows, story.best
    columns = [name for name in COLUMNS if name != "seconds" and any(_has(row, name) for row in rows)]
    first, last = (rows[0], rows[-1]) if rows else (None, None)
    shown = {"before training": first, "best epoch": best, "last epoch": last}
    recipe = load_recipe(config.recipe).config if config.recipe else FitConfig()
    usual, settings = recipe.settings(), config.settings()
    return render_page(
        _TEMPLATE, f"Run {story.name}", styles=["models.css"], story=story, epochs=story.epochs,
        best_value=_value_text(config, best), first_value=_value_text(config, first),
        figures=[
            (title, [_text_of(row and getattr(row, name)) for row in shown.values()])
            for name, title in _FIGURES.items() if any(_has(row, name) for row in rows)
        ],
        figure_heads=[f"{name} ({row.epoch})" if row and row.epoch else name for name, row in shown.items()],
        charts=draw_curves(rows, best),
        usage=draw_usage(story.usage) if story.epochs else None,
        never=int(np.count_nonzero(story.usage == 0)),
        used_mean=float(story.usage.mean()) if len(story.usage) else 0.0,
        used_std=float(story.usage.std()) if len(story.usage) else 0.0,
        findings=[
            (rows[at].epoch, finding.text)
            for at in range(1, len(rows)) for finding in new_findings(rows[: at + 1], config)
        ],
        batch_url=None if story.first_batch is None else picture_url(story.first_batch, 88),
        batch_words=_ROW_WORDS[config.batches],
        options=[
            (name, _option_text(value), _option_text(usual.get(name)), value != usual.get(name))
            for name, value in settings.items()
        ],
        rates=[
            (f"{one.far:g}", f"{one.threshold:.4f}", f"{one.tar:.2%}", _KNOWN_BY[one.counted])
            for one in (story.spec.validation.rates if story.spec and story.spec.validation else ())
        ],
        head=columns,
        history=[[_text_of(getattr(row, name)) for name in columns] for row in rows],
        commands=story.next_commands(), fingerprint=short(story.fingerprint),
    )  # fmt: skip


def _read_picture(file: Path) -> UInt8Image | None:
    """Return the picture of the first batch, at most 1320 px wide and high; None where it is gone."""
    if not file.is_file():
        return None
    image = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    scale = min(1.0, _MOST_SIDE_PX / max(image.shape[:2]))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image[..., ::-1], np.uint8)


def _has(row: EpochRow, name: str) -> bool:
    return getattr(row, name) is not None


def _value_text(config: FitConfig, row: EpochRow | None) -> str:
    """Return a row's value by ``--best-by``, as the command prints it."""
    value = None if row is None else merit(config, row)
    return "–" if value is None else f"{abs(value):.4f}"  # the merit of a loss is its negative


def _text_of(value: Any) -> str:
    """Return a figure of the history as the page shows it; empty for None."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _option_text(value: Any) -> str:
    """Return an option's value as it is typed."""
    return (
        {True: "yes", False: "no", None: "–", "": "–"}.get(value, str(value))
        if not isinstance(value, float)
        else f"{value:g}"
    )
