"""A digest of named tensors, to check that they are those that were written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch


def digest_of(tensors: Mapping[str, torch.Tensor], text: str = "") -> str:
    """Return the SHA-256 of tensors (contiguous, on the CPU), their names, types, shapes, and of a text."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
