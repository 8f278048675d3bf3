"""The finished models that a run learns from: their embeddings of its training crops, computed once.

They are part of a run's state, by the crops' ids: a resumed run needs neither the models nor the time again.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from facedata.files.atomic import atomic_file
from facedata.types import Int64Array

from ...batches.people import TrainingPeople
from ...batches.reader import CropReader, OnProgress, read_batches
from ...batches.variation import Augmentation, Variation
from ...errors import ModelError, RunError
from ...machine.devices import to_device
from ...machine.ranks import Ranks
from ...models.embed_crops import split_batches
from ...models.embedder import Embedder, open_model
from ...models.header import STATE
from ...objective.guidance import Guidance
from ...objective.objective import Objective
from ..run_folder import RunFolder

START, TEACHER = "start", "teacher"
_KEY = "facemodel"


class Guides:
    """The models that a run learns from.

    Args:
        folder: of the run; a resumed one has the embeddings in its state.
        training: the training crops.
        device: where a teacher runs.

    Attributes:
        embeddings: of each model, in order, ``(2, crops, width)`` float16 of length one: of the crops, and of
            their mirror images.

    Raises:
        ModelError: there is no such teacher.
        SpecError: the set's crops are not like those that the teacher was trained on.
        RunError: the state of a resumed run lacks the embeddings.
    """

    def __init__(self, folder: RunFolder, training: TrainingPeople, device: torch.device) -> None:
        config = folder.config
        self.config, self.training, self.state = config, training, folder.path / STATE
        self.embeddings: dict[str, Tensor] = {}
        self._teacher: Embedder | None = None
        starts = config.start is not None and (config.start_weight > 0 or self._has_centres)
        names = [START] if starts else []
        names += [TEACHER] if config.teacher is not None else []
        if folder.resumes:
            self.embeddings = {name: self._read(name) for name in names}
        elif config.teacher is not None:
            self._teacher = open_model(config.teacher, "cpu" if device.type == "cpu" else "auto")
            self._teacher.spec.check_set(training.prepared)
        self._names = names

    @property
    def _has_centres(self) -> bool:
        config = self.config
        return config.classifies and config.loss_row.by_cosine and not config.samples_classes

    def guidance(self) -> Guidance | None:
        """Return the loss's term; None if nothing guides."""
        weights = {START: self.config.start_weight, TEACHER: self.config.teacher_weight}
        widths = {name: rows.shape[2] for name, rows in self.embeddings.items()}
        if self._teacher is not None:
            widths[TEACHER] = self._teacher.spec.dim
        guides = {
            name: (weights[name], widths.get(name, self.config.dim)) for name in self._names if weights[name]
        }
        return Guidance(self.config.dim, guides, self.config.seed) if guides else None

    def embed(self, model: Embedder, reader: CropReader, ranks: Ranks, on_batch: OnProgress) -> None:
        """Compute and keep the embeddings; the first of several processes does.

        Args:
            model: the run's own, before its first step.
            reader: of the training crops.
            ranks: the processes.
            on_batch: called after each batch.

        Raises:
            StoreError: the state cannot be written.
        """
        models = {START: model, TEACHER: self._teacher}
        batch = max(self.config.batch, 32)
        for name in self._names:
            used, rows = models[name], None
            if ranks.is_first and used is not None:
                rows = embed_both_sides(used, reader, len(self.training), batch, on_batch)
                self._write(name, rows, used.fingerprint() if name == TEACHER else None)
            self.embeddings[name] = ranks.from_first(rows)
        self._teacher = None

    def aim(self, objective: Objective, rows: Int64Array, augmentation: Augmentation) -> None:
        """Set the targets of the next batch, ``(b, k)`` rows, varied as its images are."""
        if objective.guidance is None:
            return
        every = rows.reshape(-1)
        sides = Variation.draw(len(every), augmentation, objective.goal.moment.key).flips.astype(np.int64)
        device = next(objective.parameters()).device
        objective.guidance.targets = [
            to_device(self.embeddings[name][torch.from_numpy(sides), torch.from_numpy(every)].float(), device)
            for name in objective.guidance.weights
        ]

    def centre_people(self, objective: Objective) -> None:
        """Put the centres of a margin loss where the start's embeddings of each person have their mean.

        Drawn at random, they would tear a finished network apart in the first steps.
        """
        head = getattr(objective.goal, "head", None)
        centres = getattr(head, "W", None)
        if START not in self.embeddings or not isinstance(centres, torch.nn.Parameter):
            return
        means = person_means(self.embeddings[START], self.training)
        step = centres.shape[1] // len(self.training.names)  # of several centres of a person, the first
        with torch.no_grad():
            length = centres.norm(dim=0).mean()
            centres[:, ::step] = (means * length).T.to(centres)

    def _file(self, name: str) -> Path:
        return self.state / f"{name}-embeddings.safetensors"

    def _write(self, name: str, rows: Tensor, fingerprint: str | None) -> None:
        tensors = {"ids": torch.from_numpy(self.training.ids.copy()), "embeddings": rows}
        data = safetensors.torch.save(tensors, {_KEY: json.dumps({"model": fingerprint})})
        with atomic_file(self._file(name)) as stream:
            stream.write(data)

    def _read(self, name: str) -> Tensor:
        file = self._file(name)
        try:
            with safe_open(file, framework="pt") as opened:
                ids: Tensor = opened.get_tensor("ids")
                rows: Tensor = opened.get_tensor("embeddings")
        except (OSError, SafetensorError) as error:
            raise RunError(
                f"the run lacks what it learns from, {file} ({error}): start over with --overwrite"
            ) from error
        if not np.array_equal(ids.numpy(), self.training.ids):
            raise RunError(f"{file} is about other crops than the run's: start over with --overwrite")
        return rows


def embed_both_sides(
    embedder: Embedder, reader: CropReader, crops: int, batch: int, on_batch: OnProgress
) -> Tensor:
    """Return a model's embeddings of crops, and of their mirror images: ``(2, crops, width)`` float16.

    Each has length one.

    Args:
        embedder: the model.
        reader: of the crops.
        crops: how many there are.
        batch: crops in a batch.
        on_batch: called after each batch.

    Raises:
        ModelError: the model gives NaN.
    """
    result, done = torch.empty(2, crops, embedder.spec.dim, dtype=torch.float16), 0
    for rows, images in read_batches(reader, split_batches(np.arange(crops), batch)):
        for side, seen in enumerate((images, np.ascontiguousarray(images[:, :, ::-1]))):
            embeddings = torch.from_numpy(embedder.embed(seen))
            if not embeddings.isfinite().all():
                raise ModelError(
                    f"{embedder.name} gives embeddings that are NaN or infinite: learn from another model"
                )
            result[side, done : done + len(rows)] = torch.nn.functional.normalize(embeddings)
        done += len(rows)
        on_batch(done, crops)
    return result


def person_means(embeddings: Tensor, training: TrainingPeople) -> Tensor:
    """Return the directions of people's means, ``(people, width)`` float32 of length one.

    Args:
        embeddings: ``(2, crops, width)``, of length one.
        training: whose crops these are.
    """
    sums = torch.zeros(len(training.names), embeddings.shape[2])
    sums.index_add_(0, torch.from_numpy(training.person), embeddings.float().sum(0))
    return torch.nn.functional.normalize(sums)
