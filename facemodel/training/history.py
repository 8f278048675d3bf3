"""The history: one row per epoch, in a CSV, a spreadsheet and TensorBoard's events."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facedata.files.atomic import atomic_file, write_text

from ..machine.extras import require_extra

EVENTS = "events"


@dataclass(frozen=True)
class EpochRow:
    """An epoch's figures; None for those that the run does not have.

    Attributes:
        epoch: its number from 1; 0 is the network before training.
        steps: of the optimizer, since the beginning of the run.
        lr: learning rate of its last step.
        negatives: ``random`` or ``hard``, how they were chosen; None where rows have no negative.
        loss: mean over the rows it trained on, augmented and with dropout.
        active: share of its triplets with a loss.
        val_loss: of fixed validation rows, in eval mode.
        val_auc: of fixed validation pairs.
        val_accuracy: of pairs by a pair head at 0.5, of a classifier's names, else of pairs at the best
            threshold.
        probe_loss: as ``val_loss``, of fixed training rows of the same kind.
        probe_auc: as ``val_auc``, of these.
        probe_accuracy: as ``val_accuracy``, of these.
        threshold: the best for the validation pairs.
        class_threshold: of a classifier: the probability that 95% of the photos it names correctly reach.
        spread: of the validation embeddings: root mean square distance from their mean, as a share of their
            root mean square length. 0: all are the same.
        never_used: training crops that no row used, since the beginning of the run.
        used_mean: how often a training crop was used on average, since the beginning of the run.
        used_std: the standard deviation of that.
        images: number of crops it trained on.
        seconds: how long it took, validation included, by a monotonic clock.
    """

    epoch: int
    steps: int = 0
    lr: float | None = None
    negatives: str | None = None
    loss: float | None = None
    active: float | None = None
    val_loss: float | None = None
    val_auc: float | None = None
    val_accuracy: float | None = None
    probe_loss: float | None = None
    probe_auc: float | None = None
    probe_accuracy: float | None = None
    threshold: float | None = None
    class_threshold: float | None = None
    spread: float | None = None
    never_used: int | None = None
    used_mean: float | None = None
    used_std: float | None = None
    images: int = 0
    seconds: float = 0.0

    @property
    def images_per_s(self) -> float:
        """Images trained on per second of the epoch."""
        return self.images / self.seconds if self.seconds else 0.0

    def line(self, epochs: int) -> str:
        """Return the row as a line of the log."""
        words = [
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name in ("loss", "active", "val_loss", "val_auc", "val_accuracy", "negatives", "lr")
            if (value := getattr(self, name)) is not None
        ]
        head = f"epoch {self.epoch}/{epochs}" if self.epoch else "before epoch 1"
        speed = f", {self.images_per_s:,.0f} images/s" if self.images else ""
        return f"{head}: {', '.join(words)}{speed}"


COLUMNS = tuple(field.name for field in dataclasses.fields(EpochRow))


def rows_of(values: Sequence[Mapping[str, Any]]) -> list[EpochRow]:
    """Return rows from plain values; names that this version does not know are dropped."""
    return [EpochRow(**{k: v for k, v in row.items() if k in COLUMNS}) for row in values]


def write_csv(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write the rows atomically.

    Raises:
        StoreError: they cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([["" if v is None else v for v in dataclasses.astuple(row)] for row in rows])
    write_text(path, text.getvalue())


def read_csv(path: Path) -> list[EpochRow]:
    """Return the rows of a history; none where it is missing or damaged."""
    kinds = {field.name: str(field.type).partition(" ")[0] for field in dataclasses.fields(EpochRow)}
    takes: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "str": str}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return rows_of(
                [
                    {name: takes[kinds[name]](text) for name, text in row.items() if text and name in kinds}
                    for row in csv.DictReader(stream)
                ]
            )
    except (OSError, ValueError, TypeError):
        return []


def write_xlsx(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write the rows as a spreadsheet: numbers as numbers, with the first line frozen.

    Raises:
        MissingExtraError: openpyxl is not installed.
        StoreError: it cannot be written.
    """
    require_extra("openpyxl")
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "history"
    sheet.append(COLUMNS)
    for row in rows:
        sheet.append(list(dataclasses.astuple(row)))
    sheet.freeze_panes = "B2"
    with atomic_file(path) as stream:
        book.save(stream)


class Events:
    """TensorBoard's events; those that an interrupted process wrote after step ``steps`` are hidden.

    Args:
        folder: of the events.
        steps: of the run so far.

    Raises:
        MissingExtraError: tensorboard is not installed.
    """

    def __init__(self, folder: Path, steps: int = 0) -> None:
        require_extra("tensorboard")
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=steps + 1 if steps else None)

    def add(self, row: EpochRow) -> None:
        """Write a row's numbers, by step."""
        for name in COLUMNS[2:]:
            value = getattr(row, name)
            if isinstance(value, int | float):
                kind, _, rest = name.partition("_")
                tag = f"{kind}/{rest}" if kind in ("val", "probe", "used") else f"epoch/{name}"
                self._writer.add_scalar(tag, float(value), row.steps)
        self._writer.flush()

    def close(self) -> None:
        """Write the events that are still buffered."""
        self._writer.close()
