"""What an export format consists of; :data:`facemodel.config.FORMATS` lists the formats by name.

A format is one module beside this one: it writes a network to a file, and reads the file back as a function
that embeds, so that the export can be compared with the model.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from facedata.types import Float32Array

Run = Callable[[Float32Array], list[Float32Array]]
"""From images ``(N, 3, size, size)`` float32 to embeddings ``(N, dim)``, and logits if there are any."""

INPUT, OUTPUTS = "images", ("embeddings", "logits")
"""Names of a file's input and outputs, in the formats that have names."""

Int8Candidates = Generator[str, None, None]
"""Writes a candidate each time it is asked, and yields what that leaves in float."""

Int8Writer = Callable[[Path, Float32Array, Path], Int8Candidates]
"""From a float file, images ``(n, 3, size, size)`` float32 that ranges are taken from, and a path, where int8
candidates are written one after another, the smallest first."""


@dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        suffix: the ending of its files.
        layout: the order of the input's axes: N images, C channels, H height, W width.
        batch: ``any``, or the number of images that the file takes at a time.
        write: writes a network, given an example of its input, ``(2, 3, size, size)`` float32. The network
            returns a tuple: embeddings, and logits if there are any.
        read: reads the file back.
        packages: what both of these import, all in the extra ``export``.
        int8: writes int8 candidates of a float file; None if the format has none.
        int8_packages: what that imports besides, in the same extra.
    """

    suffix: str
    layout: str
    batch: str
    write: Callable[[nn.Module, torch.Tensor, Path], None]
    read: Callable[[Path], Run]
    packages: tuple[str, ...] = ()
    int8: Int8Writer | None = None
    int8_packages: tuple[str, ...] = ()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop a converter's warnings, and what it prints to stdout, where results belong."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
