"""Painted people: portraits made by code, for the demo and for tests, their true eyes known.

No picture is stored or downloaded, so there is no licence to mind and nobody's face to protect. Every pixel
is a function of three numbers, seed, person and photo: ``person`` (features) → ``pose`` (how the head is
held) → ``portrait`` (with ``features`` and ``hair``) on a ``scene`` → ``photo``.
"""

from .person import NAMES, Appearance, appearance
from .photo import PaintedPhoto, paint, paint_empty

__all__ = ["NAMES", "Appearance", "PaintedPhoto", "appearance", "paint", "paint_empty"]
