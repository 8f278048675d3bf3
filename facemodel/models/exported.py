"""The network that an export writes, and its comparison with the model on real crops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facedata.errors import FacedataError
from facedata.types import Float32Array

from ..errors import ExportError
from ..objective.objective import Objective
from ..scoring.distances import compare
from .formats import Format

LEAST_COSINE = 0.9999
"""The lowest cosine allowed between the file's embedding of a crop and the model's."""


class Exported(nn.Module):
    """The network that is written: the model, and the logits of a closed set's classifier.

    ``forward`` takes ``(N, 3, size, size)`` float32 and returns a tuple: embeddings, then logits if there are
    any.
    """

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective, self.names_people = objective, objective.config.closed and objective.has_classes

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs."""
        embeddings = self.objective.model(images)
        return (embeddings, self.objective.logits(embeddings)) if self.names_people else (embeddings,)


def write_exported(objective: Objective, kind: Format, images: Tensor, path: Path) -> dict[str, Any]:
    """Write a model, run the file, and compare what both return.

    Args:
        objective: the model with its heads, on the CPU.
        kind: the format.
        images: ``(N, 3, size, size)`` float32, at least one.
        path: the file.

    Returns:
        The comparison, as :func:`compare_outputs` returns it.

    Raises:
        ExportError: the model cannot be written in this format, or the file returns something else.
        MissingExtraError: the converter is not installed.
    """
    network = Exported(objective).eval()
    network.requires_grad_(False)
    example = torch.cat([images, images])[:2]
    try:
        kind.write(network, example, path)
        run = kind.read(path)
        # the first crop alone, then the others: this detects a file that only takes the example's batch size
        parts = [run(images[:1].numpy()), *([run(images[1:].numpy())] if len(images) > 1 else [])]
    except FacedataError:
        raise
    except Exception as error:  # converters may raise anything; their messages are pages long
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise ExportError(
            f"{objective.model.name} cannot be written as {kind.suffix}: {lines[0][:300]}"
        ) from error
    with torch.inference_mode():
        expected = [output.detach().numpy() for output in network(images)]
    found = []
    for outputs in zip(*parts, strict=True):
        if len(shapes := {output.shape[1:] for output in outputs}) > 1:
            raise ExportError(f"the written file gives {shapes} for batches of another size: it was removed")
        found.append(np.concatenate(outputs))
    return compare_outputs(expected, found)


def compare_outputs(expected: list[Float32Array], found: list[Float32Array]) -> dict[str, Any]:
    """Compare outputs row by row.

    Args:
        expected: the model's outputs, ``(N, width)`` each.
        found: the file's.

    Returns:
        ``crops``, ``least_cosine`` and ``largest_difference``.

    Raises:
        ExportError: shapes differ, a row's cosine is below :data:`LEAST_COSINE`, or a number is NaN.
    """
    shapes = [[output.shape for output in outputs] for outputs in (expected, found)]
    if shapes[0] != shapes[1]:
        raise ExportError(f"the written file gives {shapes[1]} and the model {shapes[0]}: it was removed")
    least, largest = np.inf, 0.0
    for ours, theirs in zip(expected, found, strict=True):
        rows, both = np.arange(len(ours)), np.concatenate([ours, theirs])
        is_finite = np.isfinite(both).all()
        cosines = compare(both, rows, len(rows) + rows, "cosine") if is_finite else np.array([np.nan])
        least = float(np.minimum(least, cosines.min()))  # NaN stays
        largest = max(largest, float(np.abs(ours.astype(np.float64) - theirs).max()))
    if not least >= LEAST_COSINE:  # so that NaN is refused
        raise ExportError(
            f"the written file does not return what the model returns: cosine {least:.6f} at the worst of "
            f"{len(expected[0])} crops (at least {LEAST_COSINE} is required), "
            f"largest difference {largest:.3g}; it was removed"
        )
    return {"crops": len(expected[0]), "least_cosine": least, "largest_difference": largest}
