"""Painted people: portraits drawn by code, for the demo and for tests, with known eye positions.

No picture is stored or downloaded, so no licence applies and no one's privacy is at risk. Three numbers come
in: seed, person and photo; out come the pixels that they determine, and the positions of the eyes.

- ``canvas``: fills, strokes and washes shapes
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
