"""Painted people: portraits made by code, for the demo and for tests, with their true eyes known.

No picture is stored or downloaded, so there is no licence to mind and no one's privacy to protect. In come
three numbers, seed, person and photo; out come the pixels they determine, and where the eyes are.

- ``canvas``: shapes filled, stroked or washed on
- ``person``: the features of one person
- ``pose``: how the head is held
- ``features``, ``hair``: eyes, nose and mouth; hair, beard and glasses
- ``portrait``: one person, part by part
- ``scene``: backgrounds
- ``photo``: the whole photo
"""

from .person import NAMES, Appearance, appearance
from .photo import PaintedPhoto, paint, paint_empty

__all__ = ["NAMES", "Appearance", "PaintedPhoto", "appearance", "paint", "paint_empty"]
