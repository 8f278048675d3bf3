"""What turns crops into embeddings: a run of facemodel's, or any ONNX network with a spec beside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facedata.errors import UsageError
from facedata.types import Float32Array

from ..batches.to_input import ToInput, as_batch
from ..errors import ModelError
from ..machine.devices import choose_device
from ..objective.objective import Objective
from ..spec import InputSpec
from .ready.table import READY, is_ready
from .saved import load_objective

Crops = NDArray[np.uint8]
"""Crops, ``(N, side, side, 3)`` uint8 RGB, of any side: an embedder resizes them to its input size."""


class Embedder(Protocol):
    """Turns crops into embeddings."""

    @property
    def spec(self) -> InputSpec:
        """How crops must be made, and what the embeddings mean."""
        ...

    @property
    def name(self) -> str:
        """The model's path, for messages."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Identities in label order if the network names people; else empty."""
        ...

    @property
    def scores_pairs(self) -> bool:
        """Whether it has a head that compares two embeddings."""
        ...

    def embed(self, crops: Crops) -> Float32Array:
        """Return embeddings, ``(N, dim)`` float32; of one crop, ``(dim,)``.

        Args:
            crops: ``(N, side, side, 3)`` uint8 RGB; N = 0 gives ``(0, dim)``. Or one, ``(side, side, 3)``.

        Raises:
            UsageError: an array of another type or shape.
        """
        ...

    def logits(self, crops: Crops) -> Float32Array | None:
        """Return ``(N, len(classes))`` float32 in label order; None if the network does not name people."""
        ...

    def score_pairs(self, left: Float32Array, right: Float32Array) -> Float32Array | None:
        """Return the probability that two embeddings are of one person, ``(N,)`` float32, or None."""
        ...

    def fingerprint(self) -> str:
        """Return the model's id, a SHA-256 of its weights; embeddings and galleries are bound to it."""
        ...


class TorchEmbedder:
    """A model that facemodel made, as an embedder; it may still be training.

    Args:
        objective: the model with its heads, on its device.
        name: the model's path, for messages.
        workers: threads that resize crops; None for one per core.
    """

    def __init__(self, objective: Objective, name: str = "the model", workers: int | None = None) -> None:
        self.objective, self.name, self._workers = objective, name, workers
        self.classes = objective.classes if objective.config.closed else ()
        self.scores_pairs = objective.has_pairs
        self._fingerprint: str | None = None
        self._to_input: ToInput | None = None

    @property
    def spec(self) -> InputSpec:
        """The model's input spec."""
        return self.objective.model.spec

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.objective.parameters()).device

    def embed(self, crops: Crops) -> Float32Array:
        """Return embeddings; see :class:`Embedder`."""
        with _eval_mode(self.objective):
            rows = _to_numpy(self._embed(as_batch(crops)))
        return rows if crops.ndim == 4 else rows[0]

    def logits(self, crops: Crops) -> Float32Array | None:
        """Return logits; see :class:`Embedder`."""
        if not self.classes:
            return None
        with _eval_mode(self.objective):
            return _to_numpy(self.objective.logits(self._embed(crops)))

    def score_pairs(self, left: Float32Array, right: Float32Array) -> Float32Array | None:
        """Return the probability that pairs are of one person; see :class:`Embedder`."""
        if not self.scores_pairs:
            return None
        with _eval_mode(self.objective):
            sides = [torch.from_numpy(np.ascontiguousarray(side)).to(self.device) for side in (left, right)]
            return _to_numpy(self.objective.score_pairs(*sides))

    def fingerprint(self) -> str:
        """Return the model's id; it is computed once, so call this after training."""
        if self._fingerprint is None:
            self._fingerprint = model_fingerprint(self.objective)
        return self._fingerprint

    def _embed(self, crops: Crops) -> Tensor:
        if not len(crops):
            return torch.empty(0, self.spec.dim, device=self.device)
        if self._to_input is None or (self._to_input.spec, self._to_input.device) != (self.spec, self.device):
            self._to_input = ToInput(self.spec, self.device, workers=self._workers)
        embeddings: Tensor = self.objective.model(self._to_input(crops, None))
        return embeddings


def model_fingerprint(objective: Objective) -> str:
    """Return the SHA-256 of all that embeddings depend on: the weights by name, and the input settings."""
    spec = objective.model.spec
    digest = hashlib.sha256(repr(spec.input_settings()).encode())
    for name, tensor in sorted(objective.model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def open_model(
    model: str | os.PathLike[str] | Embedder,
    device: str = "auto",
    workers: int | None = None,
    weights: str | os.PathLike[str] | None = None,
) -> Embedder:
    """Open a model.

    Args:
        model: a ready model's name, a run folder, a run's ``.safetensors`` file, or ``net.onnx`` with its
            spec in ``net.json``; an open model is returned as it is.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; ONNX networks run on the CPU.
        workers: threads that resize crops; None for one per core.
        weights: a file with a ready model's weights; None to use the cache, or to download them.

    Raises:
        UsageError: weights are given for a model that is no ready one, or are other ones than its own.
        DownloadError: a ready model is not on this machine, and cannot be downloaded.
        ModelError: there is no model, or it is damaged, of another architecture or a newer version.
        SpecError: its spec is missing or malformed.
        DeviceError: there is no such GPU.
    """
    if is_ready(model):
        from .ready.network import open_ready  # it needs this module

        return open_ready(model, device, workers, weights)
    if weights is not None:
        raise UsageError(
            f"--weights {os.fspath(weights)} is for a ready model ({', '.join(READY)}), and "
            f"{os.fspath(model) if isinstance(model, str | os.PathLike) else model.name} is none"
        )
    if not isinstance(model, str | os.PathLike):
        return model
    path = Path(model)
    if path.suffix == ".onnx":
        from .onnx.network import OnnxEmbedder  # an extra

        return OnnxEmbedder(path, device, workers)
    if path.is_file() and path.suffix != ".safetensors":
        raise ModelError(f"{path} is not a model: name a run folder, a .safetensors file or an .onnx file")
    where = choose_device(device)
    return TorchEmbedder(load_objective(path).to(where), os.fspath(model), workers)


@contextmanager
def _eval_mode(objective: Objective) -> Iterator[None]:
    """Compute without gradients, dropout and batch statistics; training mode is restored afterwards.

    TF32 is off: it has ten bits, and a GPU's embeddings may be compared with a CPU's.
    """
    before, tf32 = objective.training, torch.backends.cudnn.allow_tf32
    objective.eval()
    torch.backends.cudnn.allow_tf32 = False
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.backends.cudnn.allow_tf32 = tf32
        objective.train(before)


def _to_numpy(tensor: Tensor) -> Float32Array:
    array: Float32Array = tensor.float().cpu().numpy()
    return array
