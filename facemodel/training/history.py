"""What was seen after each epoch: one row, in a CSV, a spreadsheet and TensorBoard's events."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import io
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facedata.errors import MissingExtraError
from facedata.files.atomic import whole_file, write_text

EVENTS = "events"


@dataclass(frozen=True)
class EpochRow:
    """What was seen in an epoch; None where there is no such thing.

    Attributes:
        epoch: its number from 1; 0 is before the first.
        steps: of the optimizer, since the beginning.
        lr: learning rate of its last step.
        negatives: ``random`` or ``hard``, as drawn for it; None where rows have no negative.
        loss: mean over what it trained on, augmented and with dropout; each row counts once.
        active: share of its triplets with a loss.
        val_loss: of fixed validation rows, in eval mode.
        val_auc: of fixed validation pairs.
        val_accuracy: of pairs at a pair head's one half, of a classifier's names, else of pairs at the best
            threshold.
        probe_loss: as ``val_loss``, of fixed training rows of the same kind.
        probe_auc: as ``val_auc``, of these.
        probe_accuracy: as ``val_accuracy``, of these.
        threshold: the best for the validation pairs.
        class_threshold: of a classifier: the probability that nearly all photos reach which it names rightly.
        spread: how far validation embeddings lie apart: root mean square distance from their mean, as a
            share of their root mean square length. 0: all are one point.
        never_used: training crops no row had, since the beginning.
        used_mean: how often a training crop was used, since the beginning.
        used_std: the standard deviation of that.
        images: number of crops it trained on.
        seconds: it took, validation included, by a clock that is never set.
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
        """Return the row as a line for people."""
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
    """Return rows from plain values; names this version does not know are left out."""
    return [EpochRow(**{k: v for k, v in row.items() if k in COLUMNS}) for row in values]


def write_csv(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write the rows whole or not at all.

    Raises:
        StoreError: they cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([["" if v is None else v for v in dataclasses.astuple(row)] for row in rows])
    write_text(path, text.getvalue())


def read_csv(path: Path) -> list[EpochRow]:
    """Read what :func:`write_csv` wrote."""
    hints = typing.get_type_hints(EpochRow)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return rows_of([{k: _parsed(hints[k], v) for k, v in row.items() if v and k in hints} for row in rows])


def write_xlsx(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write the rows as a spreadsheet: numbers as numbers, the first line stays in sight.

    Raises:
        MissingExtraError: openpyxl is not installed.
        StoreError: it cannot be written.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise missing("openpyxl") from error
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "history"
    sheet.append(COLUMNS)
    for row in rows:
        sheet.append(list(dataclasses.astuple(row)))
    sheet.freeze_panes = "B2"
    with whole_file(path) as stream:
        book.save(stream)


class Events:
    """TensorBoard's events; what an earlier, broken-off try wrote beyond ``steps`` is hidden.

    Args:
        folder: of the events.
        steps: from where this process goes on.

    Raises:
        MissingExtraError: tensorboard is not installed.
    """

    def __init__(self, folder: Path, steps: int = 0) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise missing("tensorboard") from error
        self._writer = SummaryWriter(str(folder), purge_step=steps + 1 if steps else None)

    def add(self, row: EpochRow) -> None:
        """Write a row's numbers, by step."""
        for name in COLUMNS[2:]:
            value = getattr(row, name)
            if isinstance(value, int | float):
                kind, _, rest = name.partition("_")
                tag = f"{kind}/{rest}" if kind in ("val", "probe", "used") else f"epoch/{name}"
                self._scalar(tag, float(value), row.steps)
        self._writer.flush()

    def _scalar(self, tag: str, value: float, steps: int) -> None:
        self._writer.add_scalar(tag, value, steps)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def missing(package: str) -> MissingExtraError:
    """Return the error of a package that training needs and that is not installed."""
    return MissingExtraError(f"training needs {package}, which is not installed: pip install facedata[train]")


def require_extras() -> None:
    """See that the packages a run ends with are there, before it begins.

    Raises:
        MissingExtraError: one is not installed.
    """
    for package in ("matplotlib", "openpyxl", "tensorboard", "pytorch_metric_learning"):
        if importlib.util.find_spec(package) is None:
            raise missing(package)


def _parsed(hint: Any, text: str) -> Any:
    kinds = typing.get_args(hint) or (hint,)
    return next(kind for kind in (int, float, str) if kind in kinds)(text)
